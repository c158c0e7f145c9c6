"""The command that makes the reference page of the events."""

from pathlib import Path

import pytest

from trivet.observe.document import main, page


def test_a_page_just_written_is_current(tmp_path: Path) -> None:
    path = str(tmp_path / "events.md")
    assert main(["--write", path]) == 0
    assert main(["--check", path]) == 0


def test_an_old_page_is_reported_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.md"
    path.write_text(page() + "an old line\n")
    assert main(["--check", str(path)]) == 1
    assert f"--write {path}" in capsys.readouterr().out


def test_other_arguments_show_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 2
    assert "--check" in capsys.readouterr().err
