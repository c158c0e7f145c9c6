"""trivet.dev.environment_files: as Flask does it, compared with Flask itself."""

import os
import sys
from pathlib import Path

import flask.cli
import pytest

from tests.projects import write_project
from trivet.dev.environment_files import read_environment_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(
        tmp_path,
        {
            ".env": """
                FLASK_APP=from_env
                SECRET_KEY="a # b"
                URL=http://${NAME}/
                EMPTY
                TAKEN=file
            """,
            ".flaskenv": """
                export FLASK_APP=from_flaskenv
                NAME=shop
                FLASK_DEBUG=1
            """,
            "sub/app.py": "",
        },
    )


def test_the_variables_are_those_that_flask_loads(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = project / "sub"
    monkeypatch.chdir(directory)
    monkeypatch.setattr(os, "environ", {"TAKEN": "real"})
    ours: dict[str, str] = dict(os.environ)
    read_environment_files(directory, os.environ).apply(ours)
    flask.cli.load_dotenv()
    assert ours == os.environ
    assert ours["FLASK_APP"] == "from_env"
    assert ours["TAKEN"] == "real"


def test_names_are_kept_for_the_screen_and_no_values(project: Path) -> None:
    files = read_environment_files(project, {})
    assert files.names == (
        (".env", ("FLASK_APP", "SECRET_KEY", "URL", "EMPTY", "TAKEN")),
        (".flaskenv", ("FLASK_APP", "NAME", "FLASK_DEBUG")),
    )
    assert files.paths == (project / ".flaskenv", project / ".env")


@pytest.mark.parametrize(
    ("value", "loaded"), [("1", False), ("true", False), ("0", True), ("no", True), ("", True)]
)
def test_flasks_switch_is_honoured(project: Path, value: str, loaded: bool) -> None:
    files = read_environment_files(project, {"FLASK_SKIP_DOTENV": value})
    assert bool(files.variables) is loaded


def test_without_the_library_there_is_a_tip(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    files = read_environment_files(project, {})
    assert files.variables == {}
    assert files.tip.startswith(".env and .flaskenv were not loaded: python-dotenv")


def test_without_files_there_is_nothing_to_say(tmp_path: Path) -> None:
    files = read_environment_files(tmp_path, {})
    assert (files.names, files.tip) == ((), "")
