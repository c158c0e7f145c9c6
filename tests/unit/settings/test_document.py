"""trivet.settings.document: the command that writes the generated documents."""

from pathlib import Path

import pytest

from trivet.settings import document
from trivet.settings.table import SPECS


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_fails_and_names_the_command_when_a_document_is_missing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert document.main(["--check"]) == 1
    assert "run python -m trivet.settings.document" in capsys.readouterr().err


def test_what_was_written_passes_the_check(root: Path) -> None:
    document.main([])
    assert document.main(["--check"]) == 0


def test_a_document_that_was_edited_fails_the_check(root: Path) -> None:
    document.main([])
    page = root / "docs/reference/settings.md"
    page.write_text(page.read_text() + "more")
    assert document.main(["--check"]) == 1


def test_elsewhere_than_in_the_root_it_says_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert document.main([]) == 2
    assert "in the root" in capsys.readouterr().err


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_has_its_heading_on_the_page(name: str) -> None:
    assert f"\n### {name}\n" in document.reference_page()
