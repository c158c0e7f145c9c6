"""FLASK_APP in the files that python-dotenv reads."""

from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.project.flask_variable import flask_app_in_files


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("FLASK_APP=shop", "shop"),
        ("FLASK_APP = shop", "shop"),
        ("export FLASK_APP=shop:create_app()", "shop:create_app()"),
        ("FLASK_APP='shop:create_app(\"eu\")'", 'shop:create_app("eu")'),
        ('FLASK_APP="shop # app"', "shop # app"),
        ("FLASK_APP=shop  # the application", "shop"),
        ("FLASK_APP='shop'  # the application", "shop"),
        ("FLASK_DEBUG=1\nFLASK_APP=first\nFLASK_APP=shop\n", "shop"),
        ("FLASK_APP=", ""),
        ("# FLASK_APP=shop", ""),
        ("MY_FLASK_APP=shop", ""),
    ],
)
def test_a_line_is_read_as_python_dotenv_reads_it(tmp_path: Path, line: str, value: str) -> None:
    write_project(tmp_path, {".flaskenv": line})
    assert flask_app_in_files(tmp_path, {})[0] == value


def test_dotenv_goes_before_flaskenv(tmp_path: Path) -> None:
    write_project(tmp_path, {".env": "FLASK_APP=one", ".flaskenv": "FLASK_APP=two"})
    assert flask_app_in_files(tmp_path, {}) == ("one", ".env")


def test_no_files_have_no_value(tmp_path: Path) -> None:
    assert flask_app_in_files(tmp_path, {}) == ("", "")


def test_flask_skip_dotenv_is_honoured(tmp_path: Path) -> None:
    write_project(tmp_path, {".env": "FLASK_APP=one"})
    assert flask_app_in_files(tmp_path, {"FLASK_SKIP_DOTENV": "1"}) == ("", "")
    assert flask_app_in_files(tmp_path, {"FLASK_SKIP_DOTENV": "False"}) == ("one", ".env")
