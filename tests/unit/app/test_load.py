"""Importing applications, and the errors that tell their authors what to do."""

import pickle
import sys
from pathlib import Path

import pytest

from tests.projects import write_project
from tests.unit.app.loading import WSGI, failure, load
from trivet.app.load import check_app, load_app
from trivet.app.run_guard import guard_run
from trivet.errors import AppImportFailed, AppNotCallable, AppNotFound
from trivet.project.find_app import AppChoice, find_app
from trivet.startup import Startup


def test_a_function_is_loaded_with_its_kind_and_name(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"plain_shop.py": WSGI}, "plain_shop:app")
    assert (loaded.kind, loaded.name) == ("wsgi", "plain_shop:app")
    assert loaded.app is sys.modules["plain_shop"].app


def test_a_flask_application_is_loaded(tmp_path: Path) -> None:
    files = {"flask_shop.py": "import flask\nsite = flask.Flask(__name__)\n"}
    assert load(tmp_path, files, "flask_shop").name == "flask_shop:site"


def test_relative_imports_work_in_a_package(tmp_path: Path) -> None:
    files = {
        "pack/__init__.py": "",
        "pack/web/__init__.py": "",
        "pack/web/wsgi.py": "from ..core import app\n",
        "pack/core.py": WSGI,
    }
    assert load(tmp_path, files, "pack/web/wsgi.py").name == "pack.web.wsgi:app"


def test_the_project_comes_first_on_the_path(tmp_path: Path) -> None:
    load(tmp_path, {"first_shop.py": WSGI}, "first_shop")
    assert sys.path[0] == str(tmp_path)


def test_a_dotted_attribute_is_followed(tmp_path: Path) -> None:
    files = {"held.py": "class holder:\n    @staticmethod\n    def app(e, s): ...\n"}
    assert load(tmp_path, files, "held:holder.app").name == "held:holder.app"


def test_steps_of_the_start_are_recorded(tmp_path: Path) -> None:
    startup = Startup()
    files = {"stepped.py": f"{WSGI}def create_app(): return app\n"}
    load(tmp_path, files, "stepped:create_app()", startup)
    assert [(step.name, step.state) for step in startup.steps] == [
        ("import stepped", "done"),
        ("call create_app()", "done"),
        ("check that stepped:create_app() is a WSGI application", "done"),
    ]


def test_a_failed_step_says_why_in_a_few_words(tmp_path: Path) -> None:
    startup = Startup()
    failure(tmp_path, {"needs.py": "import no_such_driver"}, "needs", startup)
    assert startup.steps[-1].problem == "No module named 'no_such_driver'"


def test_a_file_whose_name_is_no_identifier_is_loaded(tmp_path: Path) -> None:
    assert load(tmp_path, {"my-shop.py": WSGI}, "my-shop.py").name == "my-shop:app"


def test_a_module_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    write_project(tmp_path, {"there/__init__.py": ""})
    choice = AppChoice("there.missing", tmp_path, "app", None, "named as APP")
    with pytest.raises(AppNotFound, match=r"No module named 'there.missing'; looked in "):
        load_app(choice, Startup(), environ={})


def test_a_missing_module_inside_the_app_is_a_failed_import(tmp_path: Path) -> None:
    files = {"outer.py": "import inner_of_outer\n", "inner_of_outer.py": "import no_such_driver\n"}
    error = failure(tmp_path, files, "outer:app")
    assert isinstance(error, AppImportFailed)
    assert str(error) == "importing outer failed: No module named 'no_such_driver'"
    assert error.hint is not None
    assert "install what has 'no_such_driver'" in error.hint


def test_the_details_have_the_frames_of_the_user_and_no_other(tmp_path: Path) -> None:
    files = {"outer2.py": "import inner2\n", "inner2.py": "1 / 0\n"}
    details = failure(tmp_path, files, "outer2:app").details
    assert [line for line in details.splitlines() if line.startswith("  File")] == [
        f'  File "{tmp_path}/outer2.py", line 1, in <module>',
        f'  File "{tmp_path}/inner2.py", line 1, in <module>',
    ]
    assert details.endswith("ZeroDivisionError: division by zero")


def test_a_syntax_error_shows_the_line(tmp_path: Path) -> None:
    error = failure(tmp_path, {"typo.py": "app = build(\n"}, "typo:app")
    assert isinstance(error, AppImportFailed)
    assert "typo.py" in error.details
    assert "app = build(" in error.details


def test_sys_exit_in_a_module_is_a_failed_import_and_no_exit(tmp_path: Path) -> None:
    error = failure(tmp_path, {"leaves.py": "import sys\nsys.exit(0)\n"}, "leaves:app")
    assert isinstance(error, AppImportFailed)
    assert str(error) == "importing leaves failed: the module called sys.exit(0)"


def test_ctrl_c_during_the_import_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, {"slow.py": "raise KeyboardInterrupt"}, "slow:app")


def test_a_file_hidden_by_a_module_of_python_is_said(tmp_path: Path) -> None:
    error = failure(tmp_path, {"types.py": WSGI}, "types.py")
    assert isinstance(error, AppImportFailed)
    assert "types.py cannot be imported" in str(error)
    assert error.hint == "rename types.py"


def test_an_error_survives_the_way_to_the_supervisor(tmp_path: Path) -> None:
    error = failure(tmp_path, {"breaks.py": "1 / 0"}, "breaks")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.details, copy.hint) == (str(error), error.details, error.hint)


def test_an_asgi_application_is_refused_with_the_evidence(tmp_path: Path) -> None:
    error = failure(tmp_path, {"later.py": "async def app(scope, receive, send): ...\n"}, "later")
    assert isinstance(error, AppNotCallable)
    assert str(error) == "later:app is an ASGI application (a function with an async call)"
    assert error.hint == "Trivet serves WSGI applications so far; ASGI comes in a later release"


def test_a_module_in_the_place_of_an_app_names_the_way_on(tmp_path: Path) -> None:
    files = {"mods/__init__.py": "from mods import app\n", "mods/app.py": WSGI}
    error = failure(tmp_path, files, "mods:app")
    assert str(error) == "mods:app is no WSGI application: it is a module"
    assert error.hint == "name the application in it: mods.app:app"


def test_the_application_inside_a_framework_object_is_the_one_to_serve() -> None:
    def inner(environ: object, start_response: object) -> None: ...

    # As Dash 2: an object of that class is not callable, its attribute `server` is.
    dash = type("Dash", (), {"__module__": "dash.dash", "server": staticmethod(inner)})()
    assert check_app(dash, "board:app") is inner


def test_ignored_runs_are_handed_over(tmp_path: Path) -> None:
    files = {
        "unguarded.py": "import flask\napp = flask.Flask('unguarded')\napp.run(port=1)\n",
    }
    [ignored] = load(tmp_path, files, "unguarded").ignored_runs
    assert ignored.call == "app.run()"
    assert ignored.place.endswith("unguarded.py:3")


def test_the_guard_of_the_caller_is_used(tmp_path: Path) -> None:
    heard: list[str] = []
    guard = guard_run(lambda ignored: heard.append(ignored.call))
    files = {"unguarded2.py": "import flask\napp = flask.Flask('u')\napp.run(port=1)\n"}
    choice = find_app("unguarded2", write_project(tmp_path, files), {})
    load_app(choice, Startup(), environ={}, guard=guard)
    assert heard == ["app.run()"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("raise RuntimeError('\\x1b]0;owned\\x07\\n\\tred')\n", "shop"),
        ("def make():\n    raise RuntimeError('\\x1b]0;owned\\x07\\n\\tred')\n", "shop:make()"),
    ],
)
def test_controls_in_a_message_do_not_reach_the_terminal(
    tmp_path: Path, source: str, target: str
) -> None:
    startup = Startup()
    error = failure(tmp_path, {"shop.py": source}, target, startup)
    for text in (str(error), error.details, startup.render(colour=False)):
        assert r"\x1b]0;owned\x07" in text
        assert "\x1b" not in text
    assert "\n\tred" in error.details


FLASK = "from flask import Flask\nclass Mine(Flask): ...\napp = Mine(__name__)\n"


@pytest.mark.parametrize("name", ["Flask", "Mine"])
def test_the_class_of_a_framework_is_no_application(tmp_path: Path, name: str) -> None:
    error = failure(tmp_path, {"shop.py": FLASK}, f"shop:{name}")
    assert isinstance(error, AppNotCallable)
    assert str(error) == f"shop:{name} is no WSGI application: it is the class {name}"
    assert error.hint == "name the application that is made of it, such as shop:app"


def test_the_method_that_runs_an_application_is_none(tmp_path: Path) -> None:
    error = failure(tmp_path, {"shop.py": FLASK}, "shop:app.run")
    assert isinstance(error, AppNotCallable)
    assert "it is a method that starts a server of its own" in str(error)
    assert error.hint == "leave out .run: shop:app"


def test_the_method_that_is_the_application_is_one(tmp_path: Path) -> None:
    assert load(tmp_path, {"shop.py": FLASK}, "shop:app.wsgi_app").name == "shop:app.wsgi_app"
