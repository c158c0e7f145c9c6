"""The command `trivet` as a process of its own: exit codes and streams."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system


def environment() -> dict[str, str]:
    """This process's environment without settings, and with the same Trivet."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TRIVET_") and name not in ("PORT", "WEB_CONCURRENCY")
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path)}


def trivet(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trivet", *arguments],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_mistake_goes_to_standard_error_with_its_exit_code(tmp_path: Path) -> None:
    result = trivet(tmp_path, "settings", "--wrokers", "4")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "trivet: trivet settings has no flag --wrokers\nhint: did you mean --workers?\n"
    )


def test_settings_are_read_from_the_current_directory(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("port = 8123\n")
    result = trivet(tmp_path, "settings")
    assert result.returncode == 0
    assert "8123" in result.stdout
    assert "(from trivet.toml)" in result.stdout


@pytest.mark.parametrize("arguments", [["settings"], ["settings", "--help"]])
def test_a_reader_that_leaves_is_no_reason_to_complain(
    arguments: list[str], tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "trivet", *arguments],
            cwd=tmp_path,
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=30,
            text=True,
        )
    finally:
        os.close(writer)
    assert result.stderr == ""
