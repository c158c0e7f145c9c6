"""Which attribute of a module is the application."""

from pathlib import Path

import pytest

from tests.unit.app.loading import WSGI, failure, load
from trivet.errors import AppNotCallable, AppNotFound


def test_a_missing_attribute_suggests_the_near_one_and_lists_what_there_is(tmp_path: Path) -> None:
    files = {"near.py": f"{WSGI}def other(): ...\nvalue = 1\n"}
    error = failure(tmp_path, files, "near:ap")
    assert isinstance(error, AppNotFound)
    assert str(error) == "near has no attribute 'ap'"
    assert error.details == "callable in near: app, other"
    assert error.hint == "did you mean app?"


def test_a_missing_part_of_a_dotted_attribute_is_named(tmp_path: Path) -> None:
    files = {"parts.py": "class holder:\n    site = 1\n"}
    error = failure(tmp_path, files, "parts:holder.sit.app")
    assert str(error) == "parts.holder has no attribute 'sit'"
    assert error.hint == "did you mean site?"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("app", "app"),
        ("application", "application"),
        ("create_app", "create_app()"),
    ],
)
def test_what_only_the_import_shows_is_found_by_name(tmp_path: Path, body: str, name: str) -> None:
    module = f"hidden_{body}"
    files = {
        f"{module}.py": f"def wsgi(e, s): ...\ndef make(): return wsgi\n"
        f"globals()['{body}'] = {'make' if body == 'create_app' else 'wsgi'}\n"
    }
    assert load(tmp_path, files, module).name == f"{module}:{name}"


def test_the_only_known_application_of_another_name_is_found_by_the_import(tmp_path: Path) -> None:
    files = {"late.py": "import flask\nglobals()['site'] = flask.Flask('late')\n"}
    assert load(tmp_path, files, "late").name == "late:site"


def test_a_name_in_the_text_that_turns_out_to_be_none_gives_way_to_the_next(tmp_path: Path) -> None:
    files = {"turns.py": f"def build(): ...\napplication = build()\n{WSGI}"}
    assert load(tmp_path, files, "turns").name == "turns:app"


def test_a_name_that_the_user_wrote_gives_way_to_no_other(tmp_path: Path) -> None:
    files = {"fixed.py": f"application = None\n{WSGI}"}
    assert isinstance(failure(tmp_path, files, "fixed:application"), AppNotCallable)


def test_a_module_without_any_application_lists_its_callables(tmp_path: Path) -> None:
    error = failure(tmp_path, {"bare.py": "def index(): ...\nclass Shop: ...\n"}, "bare")
    assert isinstance(error, AppNotFound)
    assert error.details == "callable in bare: index, Shop"
