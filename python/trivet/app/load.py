"""Imports the user's application; whatever goes wrong there becomes an error in the user's words.

Runs in the main thread of a worker, before it serves. The guard against `app.run()` stays in place
afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import CoroutineType, ModuleType

from trivet.app.attribute import find_attribute
from trivet.app.factory import call_factory
from trivet.app.interface import judge, starts_a_server
from trivet.app.run_guard import IgnoredRun, RunGuard, guard_run
from trivet.errors import AppImportFailed, AppNotCallable, AppNotFound
from trivet.project.frameworks import framework_of, framework_of_class
from trivet.settings.nearest import did_you_mean
from trivet.startup import first_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from typing import Literal

    from trivet.project.find_app import AppChoice
    from trivet.startup import Startup


class LoadedApp:
    """The application object, its kind, what a person calls it, and the `run()` calls ignored."""

    __slots__ = ("app", "ignored_runs", "kind", "name")

    def __init__(
        self, app: object, kind: Literal["wsgi"], name: str, ignored_runs: tuple[IgnoredRun, ...]
    ) -> None:
        self.app = app
        self.kind = kind
        self.name = name
        self.ignored_runs = ignored_runs


def load_app(
    choice: AppChoice,
    startup: Startup,
    *,
    environ: Mapping[str, str],
    guard: RunGuard | None = None,
) -> LoadedApp:
    """Import the chosen module and return its application, called if it is a factory.

    The steps go into `startup`. `environ` is what the app sees; it serves to explain a missing
    variable. `guard` is the caller's, if it wants to hear of ignored `run()` calls that come later.

    Raises AppNotFound (no such module or attribute), AppImportFailed, FactoryFailed and
    AppNotCallable. Puts the project's directory at the front of sys.path.
    """
    guard = guard or guard_run()
    directory = str(choice.directory_to_add)
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)
    module = _import(choice, startup, environ)
    found = find_attribute(module, choice)
    name = f"{choice.module}:{found.text}"
    app = found.value
    if found.call is not None:
        app = call_factory(found, name, startup, environ)
    with startup.step(f"check that {name} is a WSGI application"):
        app = check_app(app, name)
    return LoadedApp(app, "wsgi", name, tuple(guard.ignored))


def _import(choice: AppChoice, startup: Startup, environ: Mapping[str, str]) -> ModuleType:
    try:
        with startup.step(f"import {choice.module}"):
            module = import_module(choice.module)
            _refuse_another_module(choice, module)
    except (AppImportFailed, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a module is one more way to fail
        raise _import_error(choice, error, environ) from None
    return module


def _import_error(
    choice: AppChoice, error: BaseException, environ: Mapping[str, str]
) -> AppNotFound | AppImportFailed:
    from trivet.app.hints import hint_for  # needed only when something is wrong
    from trivet.app.user_frames import describe, has_frames_of_the_user

    if isinstance(error, ModuleNotFoundError) and not has_frames_of_the_user(error):
        near = [path.stem for path in sorted(choice.directory_to_add.glob("*.py"))]
        return AppNotFound(
            f"{first_line(error)}; looked in {choice.directory_to_add} and sys.path",
            hint=did_you_mean(choice.module, near)
            or "APP is module:attribute, or a path to a file or a directory",
        )
    what = first_line(error)
    if isinstance(error, SystemExit):
        what = f"the module called sys.exit({error.code!r})"
    return AppImportFailed(
        f"importing {choice.module} failed: {what}",
        details=describe(error),
        hint=hint_for(error, environ),
    )


def _refuse_another_module(choice: AppChoice, module: ModuleType) -> None:
    """Raise AppImportFailed when the import gave another module of the same name.

    A project's `types.py` or `code.py` cannot be imported: Python has had its own in sys.modules
    since long before.
    """
    base = choice.directory_to_add.joinpath(*choice.module.split("."))
    for expected in (base / "__init__.py", base.with_name(base.name + ".py")):
        if not expected.is_file():
            continue
        file = getattr(module, "__file__", None)
        if file is None or not expected.samefile(file):
            raise AppImportFailed(
                f"{expected} cannot be imported: Python's own or an installed module is called"
                f" {choice.module!r} too ({file or 'built in'})",
                hint=f"rename {expected.name}",
            )
        return


def check_app(app: object, name: str) -> object:
    """Return the application to serve: the object, or the one inside it that its framework calls.

    `name` is how a person calls it, for the error. Raises AppNotCallable, which says what the
    object is instead of a WSGI application.
    """
    if isinstance(app, CoroutineType):
        app.close()  # it would warn that it was never awaited
        raise AppNotCallable(
            f"{name} is async: it returned a coroutine, not an application",
            hint="make the factory an ordinary function",
        )
    framework = framework_of(app)
    if framework and framework.inner:
        inner = getattr(app, framework.inner, None)
        app = inner if callable(inner) else app
    verdict = judge(app)
    if verdict.kind == "asgi":
        raise AppNotCallable(
            f"{name} is an ASGI application ({verdict.evidence})",
            hint="Trivet serves WSGI applications so far; ASGI comes in a later release",
        )
    if verdict.kind == "neither":
        raise AppNotCallable(
            f"{name} is no WSGI application: it is {verdict.evidence}",
            hint=_hint_for_value(app, name),
        )
    return app


def _hint_for_value(app: object, name: str) -> str:
    if app is None:
        return f"does {name} end with `return app`?" if name.endswith(")") else "was it ever set?"
    if isinstance(app, ModuleType):
        return f"name the application in it: {app.__name__}:app"
    if isinstance(app, type) and framework_of_class(app):
        return f"name the application that is made of it, such as {name.partition(':')[0]}:app"
    if isinstance(app, type):
        return f"make one of it: {name}()"
    if starts_a_server(app):
        return f"leave out .run: {name.removesuffix('.run')}"
    if type(app).__name__ == "SocketIO":
        return "serve the Flask application that it was made for"
    if isinstance(app, tuple):
        return "return the application alone"
    return "a WSGI application is called with environ and start_response"
