"""Makes `app.run()` and its like do nothing in a worker, and says where they were called.

An app that calls `app.run()` without a `__main__` guard would start Flask's own server when Trivet
imports it: the worker would sit in there and never answer (gunicorn's workers do). Flask has a
switch for this, FLASK_RUN_FROM_CLI. It is not used, because the app's own child processes would
inherit it, because other frameworks do not know it, and because it says neither file nor line.

Instead each function of the table is replaced the moment its module has been executed, before any
other code can take a reference to it. No framework is imported for this: a finder at the front of
sys.meta_path waits for the modules of the table and leaves all others alone (0.2 µs an import).
"""

from __future__ import annotations

import os
import sys
from functools import wraps

from trivet.app.whose_code import is_of_project

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType

    Report = Callable[["IgnoredRun"], None]


class Runner:
    """A function that starts a server: its module, its name in there, and how people call it."""

    __slots__ = ("call", "module", "name")

    def __init__(self, module: str, name: str, call: str) -> None:
        self.module = module
        self.name = name
        self.call = call


RUNNERS: tuple[Runner, ...] = (
    Runner("flask.app", "Flask.run", "app.run()"),
    Runner("werkzeug.serving", "run_simple", "run_simple()"),
    Runner("flask_socketio", "SocketIO.run", "socketio.run()"),
    Runner("dash.dash", "Dash.run", "app.run()"),
    Runner("quart.app", "Quart.run", "app.run()"),
    Runner("bottle", "run", "run()"),
    Runner("bottle", "Bottle.run", "app.run()"),
    Runner("waitress", "serve", "waitress.serve()"),
    Runner("uvicorn.main", "run", "uvicorn.run()"),
    Runner("aiohttp.web", "run_app", "web.run_app()"),
    Runner("trivet.api", "serve", "trivet.serve()"),
)

_RUNNERS_OF_MODULE: dict[str, list[Runner]] = {}
for _runner in RUNNERS:
    _RUNNERS_OF_MODULE.setdefault(_runner.module, []).append(_runner)


class IgnoredRun:
    """A call that did nothing: how it is written, and where, such as `app.py:12`."""

    __slots__ = ("call", "place")

    def __init__(self, call: str, place: str) -> None:
        self.call = call
        self.place = place


class RunGuard:
    """The replacements, while they are in place. `ignored` has each place once, in order.

    Used as a context manager it ends with the block; a worker keeps it for its whole life, since an
    app may call `run()` from a thread that it started. Calls may come from any thread.
    """

    def __init__(self, report: Report | None = None, leave: Sequence[str] = ()) -> None:
        self._leave = leave
        self.ignored: list[IgnoredRun] = []
        self._report = report
        self._places: set[str] = set()
        self._undo: list[tuple[object, str, object]] = []
        self._active = False

    def __enter__(self) -> RunGuard:
        return self

    def __exit__(self, *unused: object) -> None:
        self.remove()

    def install(self) -> None:
        """Replace what is imported already, and wait for the rest."""
        for name in _RUNNERS_OF_MODULE:
            module = None if name in self._leave else sys.modules.get(name)
            if module is not None:
                self.replace_in(module)
        sys.meta_path.insert(0, self)
        self._active = True

    def remove(self) -> None:
        """Put everything back. A copy of a replacement that somebody took calls the original."""
        self._active = False
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for owner, name, original in reversed(self._undo):
            setattr(owner, name, original)
        self._undo.clear()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the other finders find a module of the table, and act when it has been executed."""
        if name not in _RUNNERS_OF_MODULE or name in self._leave:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._act_after_execution(spec)
                return spec
        return None

    def _act_after_execution(self, spec: ModuleSpec) -> None:
        """Replace the loader's `exec_module` in this one instance.

        A loader of our own around it would be seen by inspect.getsource and importlib.resources,
        which ask a module for its loader.
        """
        loader = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None or not hasattr(loader, "__dict__"):
            return  # no loader of a pure Python module

        def execute_and_replace(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            execute(module)
            if module.__name__ == spec.name:  # zipimporter is one loader for many modules
                self.replace_in(module)

        vars(loader)["exec_module"] = execute_and_replace

    def replace_in(self, module: ModuleType) -> None:
        """Replace the functions of the table that this module defines."""
        for runner in _RUNNERS_OF_MODULE[module.__name__]:
            owner: object = module
            *outer, name = runner.name.split(".")
            for part in outer:
                owner = getattr(owner, part, None)
            original = getattr(owner, name, None)
            if not callable(original) or hasattr(original, "ignored_by_trivet"):
                continue
            replacement = self._ignoring(original, runner)
            self._put(owner, name, original, replacement)
            self._put_where_exported(runner, original, replacement)

    def _put_where_exported(self, runner: Runner, original: object, replacement: object) -> None:
        """Replace the function in the packages above, which hand it on: `uvicorn.run`."""
        package = runner.module
        while "." in package and "." not in runner.name:
            package = package.rpartition(".")[0]
            holder = sys.modules.get(package)
            if holder is not None and vars(holder).get(runner.name) is original:
                self._put(holder, runner.name, original, replacement)

    def _put(self, owner: object, name: str, original: object, replacement: object) -> None:
        self._undo.append((owner, name, original))
        setattr(owner, name, replacement)

    def _ignoring(self, original: Callable[..., object], runner: Runner) -> object:
        @wraps(original)
        def do_nothing(*arguments: object, **keywords: object) -> object:
            if not self._active:
                return original(*arguments, **keywords)
            self._note(IgnoredRun(runner.call, _place(sys._getframe(1))))
            return None

        vars(do_nothing)["ignored_by_trivet"] = True
        return do_nothing

    def _note(self, ignored: IgnoredRun) -> None:
        if ignored.place in self._places:
            return
        self._places.add(ignored.place)
        self.ignored.append(ignored)
        if self._report:
            self._report(ignored)


def guard_run(report: Report | None = None, leave: Sequence[str] = ()) -> RunGuard:
    """Make the calls of the table harmless from now on; `report` is told of each place once.

    `leave` names modules of the table that are left as they are.

    Returns the guard, which is in place until its `remove()` or the end of `with`. Where one guard
    is in place already, calls go on being reported to that one.
    """
    guard = RunGuard(report, leave)
    guard.install()
    return guard


def _place(frame: FrameType | None) -> str:
    """Return file and line of the nearest caller that is the user's, relative where possible."""
    nearest = frame
    while frame is not None:
        file = frame.f_code.co_filename
        if is_of_project(file):
            nearest = frame
            break
        frame = frame.f_back
    if nearest is None:
        return "an unknown place"
    file = nearest.f_code.co_filename
    inside = os.path.relpath(file)
    return f"{file if inside.startswith('..') else inside}:{nearest.f_lineno}"
