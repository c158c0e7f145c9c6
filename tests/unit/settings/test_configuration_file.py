"""trivet.settings.configuration_file: finding and reading trivet.toml and pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unprivileged import without_root
from trivet.errors import (
    ConfigurationUnreadable,
    ConflictingSettings,
    InvalidSetting,
    TrivetError,
    UnknownSetting,
)
from trivet.settings.configuration_file import find
from trivet.settings.sources import Given, Layer

if TYPE_CHECKING:
    from trivet.settings.table import Mode


def given_by(directory: Path, mode: Mode = "serve") -> list[tuple[str, Given]]:
    file = find(directory, None, {})
    return [] if file is None else list(file.given(mode))


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert find(tmp_path, None, {}) is None


def test_trivet_toml_is_read(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("workers = 4\n")
    assert given_by(tmp_path) == [("workers", Given(4, "trivet.toml", Layer.FILE))]


def test_the_table_of_pyproject_toml_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.trivet]\nworkers = 4\n")
    assert given_by(tmp_path) == [("workers", Given(4, "pyproject.toml [tool.trivet]", Layer.FILE))]


def test_a_pyproject_toml_that_is_not_about_trivet_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["trivet"]\n')
    assert find(tmp_path, None, {}) is None


@pytest.mark.parametrize(("mode", "workers"), [("serve", [8]), ("script", [8]), ("dev", [2])])
def test_the_table_of_the_mode_is_read_and_stronger(
    tmp_path: Path, mode: Mode, workers: list[int]
) -> None:
    (tmp_path / "trivet.toml").write_text("[serve]\nworkers = 8\n[dev]\nworkers = 2\n")
    entries = given_by(tmp_path, mode)
    assert [entry.value for _, entry in entries] == workers
    assert entries[0][1].layer == Layer.FILE_TABLE


def test_the_table_of_the_mode_is_named_as_the_source(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.trivet.serve]\nworkers = 8\n")
    assert given_by(tmp_path)[0][1].origin == "pyproject.toml [tool.trivet.serve]"


@pytest.mark.parametrize(
    ("text", "error_class", "what", "hint"),
    [
        (
            "workerz = 4",
            UnknownSetting,
            "trivet.toml: no setting is called workerz",
            "did you mean workers?",
        ),
        (
            "keep-alive = '5s'",
            UnknownSetting,
            "trivet.toml: no setting is called keep-alive",
            "did you mean keep_alive?",
        ),
        (
            "zzz = 4",
            UnknownSetting,
            "trivet.toml: no setting is called zzz",
            "`trivet settings` shows them all",
        ),
        (
            "[dev]\nworkerz = 4",
            UnknownSetting,
            "trivet.toml [dev]: no setting is called workerz",
            "did you mean workers?",
        ),
        (
            "[production]\nworkers = 4",
            UnknownSetting,
            "trivet.toml: there is no table [production]",
            "[serve] and [dev] exist",
        ),
        (
            "workers = 0",
            InvalidSetting,
            "trivet.toml: workers is 0, expected a whole number from 1 to 1024, or auto",
            None,
        ),
        (
            'workers = "4"',
            InvalidSetting,
            'trivet.toml: workers is "4", expected the number without quotes',
            None,
        ),
        (
            "keep_alive = 5",
            InvalidSetting,
            "trivet.toml: keep_alive is 5, expected a duration with its unit, such as 5s or 250ms",
            'did you mean "5s"?',
        ),
        (
            "dev = 4",
            ConflictingSettings,
            "trivet.toml [dev] is a value, expected a table",
            "write [dev] on a line of its own",
        ),
        (
            "keep_alive = 5s",
            ConfigurationUnreadable,
            "trivet.toml, line 1, is not valid TOML: "
            "expected newline or end of document after a statement",
            'text needs quotes: keep_alive = "5s"',
        ),
    ],
)
def test_a_wrong_file_is_told_where_and_what(
    tmp_path: Path, text: str, error_class: type[TrivetError], what: str, hint: str | None
) -> None:
    (tmp_path / "trivet.toml").write_text(text)
    with pytest.raises(error_class) as caught:
        given_by(tmp_path)
    assert (str(caught.value), caught.value.hint) == (what, hint)


def test_a_mistake_in_the_table_of_another_mode_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("[dev]\nport = 'x'\n")
    with pytest.raises(InvalidSetting, match=r"trivet\.toml \[dev\]: port"):
        given_by(tmp_path, "serve")


def test_a_line_that_is_not_toml_is_shown(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("workers = 1\nhost 1\n")
    with pytest.raises(ConfigurationUnreadable) as caught:
        find(tmp_path, None, {})
    assert caught.value.details == "    host 1"


def test_a_file_that_is_not_text_is_told_the_line(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_bytes(b"workers = 1\nhost = '\xff'\n")
    with pytest.raises(ConfigurationUnreadable, match="line 2 has the byte 0xff"):
        find(tmp_path, None, {})


def test_settings_in_two_files_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("workers = 4\n")
    (tmp_path / "pyproject.toml").write_text("[tool.trivet]\nworkers = 3\n")
    with pytest.raises(ConflictingSettings) as caught:
        find(tmp_path, None, {})
    assert str(caught.value) == (
        "settings are in two files, trivet.toml and pyproject.toml [tool.trivet]"
    )


def test_a_chosen_file_is_read_in_place_of_the_one_in_the_directory(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("workers = 4\n")
    (tmp_path / "other.toml").write_text("workers = 3\n")
    file = find(tmp_path, Path("other.toml"), {})
    assert file is not None
    assert list(file.given("serve")) == [("workers", Given(3, "other.toml", Layer.FILE))]


def test_a_variable_can_choose_the_file(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("workers = 3\n")
    file = find(tmp_path, None, {"TRIVET_CONFIG": "other.toml"})
    assert file is not None
    assert file.name == "other.toml"


def test_a_chosen_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnreadable) as caught:
        find(tmp_path, Path("other.toml"), {})
    assert str(caught.value) == "there is no file other.toml"
    assert caught.value.hint == "--config says where the configuration is"


def test_a_chosen_python_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnreadable, match="does not run Python to configure itself"):
        find(tmp_path, Path("gunicorn.conf.py"), {})


def test_a_chosen_pyproject_toml_must_have_the_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ConfigurationUnreadable, match=r"has no table \[tool\.trivet\]"):
        find(tmp_path, Path("pyproject.toml"), {})


def test_a_directory_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").mkdir()
    with pytest.raises(ConfigurationUnreadable, match="cannot be read: Is a directory"):
        find(tmp_path, None, {})


def test_a_directory_that_may_not_be_entered_is_blamed_itself(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    try:
        with without_root(), pytest.raises(ConfigurationUnreadable) as caught:
            find(closed, None, {})
    finally:
        closed.chmod(0o700)
    assert str(caught.value) == f"the directory {closed} cannot be searched: Permission denied"


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").symlink_to("released.toml")
    with pytest.raises(ConfigurationUnreadable, match=r"symbolic link to released\.toml, which"):
        find(tmp_path, None, {})
