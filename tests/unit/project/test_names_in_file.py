"""Which names of a file may be the application, judged from its text."""

from pathlib import Path

import pytest

from trivet.project.names_in_file import read_names, read_source


def best(source: str) -> str | None:
    """The best name, with parentheses when it is a factory."""
    found = read_source(source).best
    if found is None:
        return None
    return f"{found.name}()" if found.is_factory else found.name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from flask import Flask\napp = Flask(__name__)", "app"),
        ("import flask\napp = flask.Flask(__name__)", "app"),
        ("from flask import Flask as F\nshop = F(__name__)", "shop"),
        ("import flask as f\nshop: f.Flask = f.Flask(__name__)", "shop"),
        ("from django.core.wsgi import get_wsgi_application as g\nshop = g()", "shop"),
        ("from shop import create_app\napp = create_app()", "app"),
        ("from shop import app", "app"),
        ("from shop import wsgi as application", "application"),
        ("app, socketio = build()", "app"),
        ("def app(environ, start_response): ...", "app"),
        ("def create_app(): ...", "create_app()"),
        ("async def make_app(): ...", "make_app()"),
        ("from shop import create_app", "create_app()"),
        ("try:\n    app = build()\nexcept ImportError:\n    raise", "app"),
        ("with open('x') as f:\n    app = build(f)", "app"),
        ("if True:\n    pass\nelse:\n    app = build()", "app"),
    ],
)
def test_a_name_that_may_be_an_application_is_found(source: str, name: str) -> None:
    assert best(source) == name


@pytest.mark.parametrize(
    "source",
    [
        "",
        "app = None",
        "app = 'shop'",
        "import app",
        "x = 1",
        "def index(): app = Flask()",
        "class Shop:\n    app = Flask()",
        "from typer import Typer\napp = Typer()",
        "import celery\napp = celery.Celery()",
        "if __name__ == '__main__':\n    app = build()",
        "if '__main__' == __name__:\n    from shop import app",
        "shop.app = build()",
        "app: object",
        "other = build()",
    ],
)
def test_a_name_that_cannot_be_an_application_is_passed_over(source: str) -> None:
    assert best(source) is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("application = build()\napp = build()", "app"),
        ("def create_app(): ...\napp = create_app()", "app"),
        ("def make_app(): ...\ndef create_app(): ...", "create_app()"),
        ("from flask import Flask\nserver = Flask('')\napp = wrap(server)", "app"),
        ("from flask import Flask\nserver = Flask('')\ndef create_app(): ...", "server"),
        ("from flask import Flask\napp = wrap()\napplication = Flask('')", "application"),
        ("import dash\nfrom flask import Flask\nserver = Flask('')\napp = dash.Dash()", "app"),
    ],
)
def test_of_several_names_flasks_order_decides(source: str, name: str) -> None:
    assert best(source) == name


def test_a_later_assignment_replaces_an_earlier_one() -> None:
    reading = read_source("from flask import Flask\napp = Flask('')\napp = wrap(app)")
    assert [name.reason for name in reading.names] == ["wrap() called app"]


def test_two_applications_of_other_names_have_no_best() -> None:
    reading = read_source("from flask import Flask\nadmin = Flask('')\nsite = Flask('')")
    assert reading.best is None
    assert [name.name for name in reading.equals] == ["admin", "site"]


def test_the_reason_names_the_framework() -> None:
    found = read_source("from bottle import Bottle\napp = Bottle()").best
    assert found is not None
    assert found.reason == "a Bottle application called app"


def test_a_syntax_error_is_a_problem_with_its_line() -> None:
    assert read_source("app = build()\ndef (").problem == "is not valid Python (line 2)"


def test_null_bytes_are_a_problem_and_no_crash() -> None:
    assert read_source(b"app = 1\x00").problem


def test_a_star_import_is_remembered() -> None:
    assert read_source("from .factory import *").takes_all_from == ".factory"


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    reading = read_names(tmp_path / "app.py")
    assert (reading.names, reading.problem) == ((), "")


def test_the_coding_line_of_a_file_is_honoured(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_bytes("# coding: latin-1\napp = build('é')\n".encode("latin-1"))
    assert [name.name for name in read_names(file).names] == ["app"]
