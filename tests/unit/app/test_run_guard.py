"""`app.run()` and its like do nothing while the guard is in place."""

import importlib
import importlib.util
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import flask
import pytest
import waitress
import werkzeug.serving

from tests.projects import write_project
from trivet.app import run_guard
from trivet.app.run_guard import IgnoredRun, RunGuard, Runner, guard_run


@pytest.fixture
def guard() -> Iterator[RunGuard]:
    with guard_run() as guard:
        yield guard


def calls(guard: RunGuard) -> list[str]:
    return [ignored.call for ignored in guard.ignored]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A framework of two modules that is not imported yet, with a function and a method that run.

    Its `run` fails the test that calls it.
    """
    write_project(
        tmp_path / "venv/site-packages",
        {
            "pretend/__init__.py": "from pretend.serving import run\n",
            "pretend/serving.py": """
                def run(app):
                    "Start a server."
                    raise AssertionError("a server was started")
                class App:
                    def run(self):
                        raise AssertionError("a server was started")
                    def run_twice(self):
                        self.run()
            """,
        },
    )
    monkeypatch.syspath_prepend(tmp_path / "venv/site-packages")
    runners = [
        Runner("pretend.serving", "run", "pretend.run()"),
        Runner("pretend.serving", "App.run", "app.run()"),
    ]
    monkeypatch.setitem(run_guard._RUNNERS_OF_MODULE, "pretend.serving", runners)
    return tmp_path


def run_script(directory: Path, text: str, name: str = "script.py") -> None:
    """Run a program of the user's, in this process."""
    file = write_project(directory, {name: text}) / name
    exec(compile(file.read_text(), str(file), "exec"), {"__name__": "script"})


def test_a_method_of_a_module_that_is_imported_later_does_nothing(
    guard: RunGuard, pretend: Path
) -> None:
    run_script(pretend, "from pretend.serving import App\napp = App()\n\napp.run()\n")
    assert calls(guard) == ["app.run()"]


def test_a_function_taken_from_the_package_above_does_nothing(
    guard: RunGuard, pretend: Path
) -> None:
    run_script(pretend, "from pretend import run\nrun(None)\n")
    assert calls(guard) == ["pretend.run()"]


def test_what_was_imported_before_does_nothing_either(pretend: Path) -> None:
    import_module = importlib.import_module("pretend")
    with guard_run() as guard:
        import_module.run(None)
    assert calls(guard) == ["pretend.run()"]


def test_the_end_of_the_guard_puts_everything_back(pretend: Path) -> None:
    with guard_run():
        pretending = importlib.import_module("pretend")
    with pytest.raises(AssertionError, match="a server was started"):
        pretending.run(None)
    with pytest.raises(AssertionError, match="a server was started"):
        sys.modules["pretend.serving"].App().run()
    assert not any(isinstance(finder, RunGuard) for finder in sys.meta_path)


def test_file_and_line_are_those_of_the_user(
    guard: RunGuard, pretend: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pretend)
    run_script(pretend, "import pretend.serving as p\n\np.App().run_twice()\n", "shop.py")
    assert [ignored.place for ignored in guard.ignored] == ["shop.py:3"]


def test_a_place_outside_of_the_current_directory_is_named_in_full(
    guard: RunGuard, pretend: Path
) -> None:
    run_script(pretend, "import pretend\npretend.run(None)\n")
    assert [ignored.place for ignored in guard.ignored] == [f"{pretend}/script.py:2"]


def test_a_place_is_reported_once(pretend: Path) -> None:
    heard: list[IgnoredRun] = []
    with guard_run(heard.append) as guard:
        run_script(pretend, "import pretend\nfor _ in range(3): pretend.run(None)\n")
    assert heard == guard.ignored
    assert len(heard) == 1


def test_a_call_from_a_thread_does_nothing(guard: RunGuard, pretend: Path) -> None:
    serving = importlib.import_module("pretend.serving")
    thread = threading.Thread(target=serving.App().run)
    thread.start()
    thread.join()
    assert calls(guard) == ["app.run()"]


def test_the_documentation_of_a_replaced_function_stays(guard: RunGuard, pretend: Path) -> None:
    run = importlib.import_module("pretend").run
    assert (run.__name__, run.__doc__) == ("run", "Start a server.")


def test_a_guarded_module_keeps_its_own_loader(guard: RunGuard, pretend: Path) -> None:
    serving = importlib.import_module("pretend.serving")
    assert type(serving.__loader__).__name__ == "SourceFileLoader"
    assert "exec_module" not in vars(serving.__loader__)
    assert "class App" in inspect.getsource(serving)


def test_a_module_that_fails_to_import_fails_as_without_a_guard(
    guard: RunGuard, pretend: Path
) -> None:
    (pretend / "venv/site-packages/pretend/serving.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("pretend.serving")


def test_a_version_that_lacks_the_function_is_left_alone(guard: RunGuard, pretend: Path) -> None:
    (pretend / "venv/site-packages/pretend/serving.py").write_text("class App: ...\n")
    (pretend / "venv/site-packages/pretend/__init__.py").write_text("")
    assert isinstance(importlib.import_module("pretend.serving"), ModuleType)


def test_a_framework_that_is_not_installed_is_still_not_found(guard: RunGuard) -> None:
    sys.modules.pop("bottle", None)
    found = importlib.util.find_spec("bottle")
    guard.remove()
    assert (found is None) == (importlib.util.find_spec("bottle") is None)


def test_a_second_guard_leaves_the_reports_to_the_first(guard: RunGuard, pretend: Path) -> None:
    importlib.import_module("pretend")
    with guard_run() as second:
        run_script(pretend, "import pretend\npretend.run(None)\n")
    assert (calls(guard), calls(second)) == (["pretend.run()"], [])


def test_flask_run_does_nothing(guard: RunGuard) -> None:
    flask.Flask("shop").run(port=1)
    assert calls(guard) == ["app.run()"]


def test_a_subclass_that_calls_flask_run_does_nothing(guard: RunGuard) -> None:
    class Shop(flask.Flask):
        def run(self, *arguments: object, **keywords: object) -> None:
            super().run(port=1)

    Shop("shop").run()
    assert calls(guard) == ["app.run()"]


def test_werkzeugs_run_simple_does_nothing(guard: RunGuard) -> None:
    werkzeug.serving.run_simple("127.0.0.1", 1, flask.Flask("shop"))
    assert calls(guard) == ["run_simple()"]


def test_waitress_serve_does_nothing(guard: RunGuard) -> None:
    waitress.serve(flask.Flask("shop"), port=1)
    assert calls(guard) == ["waitress.serve()"]


def test_serve_of_trivet_itself_does_nothing(guard: RunGuard) -> None:
    importlib.import_module("trivet.api").serve(flask.Flask("shop"), port=1)
    assert calls(guard) == ["trivet.serve()"]


def test_the_environment_is_left_alone(guard: RunGuard) -> None:
    flask.Flask("shop").run(port=1)
    assert "FLASK_RUN_FROM_CLI" not in os.environ


def test_the_guard_imports_no_framework() -> None:
    program = (
        "import sys; from trivet.app.run_guard import RUNNERS, guard_run; guard_run();"
        "print([r.module for r in RUNNERS if r.module in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
