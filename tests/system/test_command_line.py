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


def shell(directory: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `trivet` through /bin/sh, which knows how to take streams and limits away."""
    return subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, *arguments],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("arguments", [["settings"], ["--help"], ["--version"]])
def test_without_standard_output_there_is_nothing_to_complain_about(
    arguments: list[str], tmp_path: Path
) -> None:
    result = shell(tmp_path, 'exec "$0" -m trivet "$@" >&-', *arguments)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
@pytest.mark.parametrize("arguments", [["settings"], ["--help"]])
def test_a_full_disk_is_told_without_a_traceback(arguments: list[str], tmp_path: Path) -> None:
    result = shell(tmp_path, 'exec "$0" -m trivet "$@" >/dev/full', *arguments)
    assert result.returncode == 4
    assert result.stderr.startswith("trivet: standard output cannot be written: No space left")
    assert "Traceback" not in result.stderr


def test_a_directory_that_was_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    result = shell(tmp_path, 'cd gone && rmdir ../gone && exec "$0" -m trivet serve shop')
    assert result.returncode == 4
    assert result.stderr.startswith("trivet: the current directory cannot be used: ")


def test_too_few_open_files_are_told_with_the_limit(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def app(environ, start_response): ...\n")
    result = shell(tmp_path, 'ulimit -n 12; exec "$0" -m trivet serve shop -w 1 --port 0')
    assert result.returncode == 4
    assert "trivet: the system lets this process open 12 files, and Trivet needs" in result.stderr
    assert "hint: raise the limit" in result.stderr
