"""Calling the function that makes the application."""

from pathlib import Path

import pytest

from tests.unit.app.loading import WSGI, failure, load
from trivet.errors import AppNotCallable, FactoryFailed


def test_a_factory_is_called_with_its_arguments(tmp_path: Path) -> None:
    files = {"made.py": f"{WSGI}def make(*a, **k):\n    app.seen = (a, k)\n    return app\n"}
    loaded = load(tmp_path, files, "made:make('eu', key=[1])")
    assert vars(loaded.app)["seen"] == (("eu",), {"key": [1]})
    assert loaded.name == "made:make('eu', key=[1])"


def test_a_factory_without_parentheses_is_called_as_in_flask(tmp_path: Path) -> None:
    files = {"bare_made.py": f"{WSGI}def create_app(config=None, testing=False): return app\n"}
    assert load(tmp_path, files, "bare_made:create_app").name == "bare_made:create_app()"


def test_a_wsgi_function_is_not_mistaken_for_a_factory(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"two.py": WSGI}, "two:app")
    assert loaded.name == "two:app"


def test_a_factory_that_is_decorated_is_called(tmp_path: Path) -> None:
    files = {
        "wrapped.py": "import functools\n"
        f"{WSGI}"
        "def decorate(f):\n"
        "    @functools.wraps(f)\n"
        "    def inner(*a, **k): return f(*a, **k)\n"
        "    return inner\n"
        "@decorate\n"
        "def build(): return app\n"
    }
    assert load(tmp_path, files, "wrapped:build").name == "wrapped:build()"


def test_a_factory_that_needs_arguments_says_so(tmp_path: Path) -> None:
    error = failure(tmp_path, {"wanting.py": "def create_app(config): ...\n"}, "wanting")
    assert isinstance(error, FactoryFailed)
    assert str(error).startswith("wanting:create_app() was called with the wrong arguments: ")
    assert error.hint == "give them in APP, such as \"wanting:create_app('production')\""


def test_a_type_error_inside_a_factory_is_one_of_its_own(tmp_path: Path) -> None:
    files = {"inside.py": "def create_app():\n    len(1)\n"}
    error = failure(tmp_path, files, "inside")
    assert isinstance(error, FactoryFailed)
    assert str(error).startswith("inside:create_app() failed: TypeError: ")
    assert f'File "{tmp_path}/inside.py", line 2, in create_app' in error.details


def test_a_factory_that_calls_sys_exit_is_a_failure_and_no_exit(tmp_path: Path) -> None:
    error = failure(tmp_path, {"quits.py": "def create_app(): raise SystemExit(2)\n"}, "quits")
    assert str(error) == "quits:create_app() failed: it called sys.exit(2)"


@pytest.mark.parametrize(
    ("body", "what", "hint"),
    [
        ("def create_app(): pass", "None", "does no:create_app() end with `return app`?"),
        ("def create_app(): return 1, 'x'", "a tuple of int and str", "return the"),
        ("class A: ...\ndef create_app(): return A", "the class A", "make one of it"),
    ],
)
def test_a_factory_that_returns_something_else_says_what(
    tmp_path: Path, body: str, what: str, hint: str
) -> None:
    error = failure(tmp_path, {"no.py": body}, "no")
    assert isinstance(error, AppNotCallable)
    assert f"is no WSGI application: it is {what}" in str(error)
    assert error.hint is not None
    assert error.hint.startswith(hint)


def test_an_async_factory_says_so_and_leaves_no_warning(tmp_path: Path) -> None:
    error = failure(tmp_path, {"asynced.py": "async def create_app(): ...\n"}, "asynced")
    assert "is async" in str(error)


def test_parentheses_behind_an_application_are_pointed_out(tmp_path: Path) -> None:
    files = {"called.py": "import flask\napp = flask.Flask('called')\n"}
    error = failure(tmp_path, files, "called:app()")
    assert "app is a Flask application already" in str(error)
    assert error.hint == "leave out the parentheses"


def test_parentheses_behind_what_cannot_be_called_are_pointed_out(tmp_path: Path) -> None:
    error = failure(tmp_path, {"number.py": "value = 1"}, "number:value()")
    assert str(error) == "number:value() cannot be called: it is an int"
