"""Functions of the user's that are called at certain moments: which there are, import, call.

A hook is a setting with gunicorn's name, and a dotted name as its value. Where it is called is in
the supervisor's and the worker's modules; what is called is imported where it runs.
"""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

from trivet.app.whose_code import is_of_project
from trivet.errors import HookFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable

    from trivet.settings.table import Settings

SUPERVISOR, WORKER = "supervisor", "worker"


class Hook:
    """One moment: in which process, when, and what the call has beside what every call has."""

    __slots__ = ("ends_the_start", "fields", "name", "process", "when")

    def __init__(
        self,
        name: str,
        process: str,
        when: str,
        fields: tuple[str, ...] = (),
        *,
        ends_the_start: bool = False,
    ) -> None:
        self.name = name
        self.process = process
        self.when = when
        self.fields = fields
        #: An exception keeps the worker from starting; that of any other hook is only logged.
        self.ends_the_start = ends_the_start


ONE_WORKER = ("worker", "worker_pid", "worker_age")

#: In the order of a server's life.
HOOKS = {
    hook.name: hook
    for hook in (
        Hook("on_starting", SUPERVISOR, "before the sockets are opened"),
        Hook("pre_fork", SUPERVISOR, "before a worker is started", ("worker",)),
        Hook(
            "post_fork",
            WORKER,
            "when a worker has begun, as the user that `user` names, before the app is imported",
            ONE_WORKER,
            ends_the_start=True,
        ),
        Hook(
            "post_worker_init",
            WORKER,
            "when a worker has loaded the app, before its first request",
            ONE_WORKER,
            ends_the_start=True,
        ),
        Hook("when_ready", SUPERVISOR, "when every worker is ready for the first time"),
        Hook(
            "on_reload",
            SUPERVISOR,
            "when a reload has read the settings again, before it starts workers",
            ("cause",),
        ),
        Hook(
            "nworkers_changed",
            SUPERVISOR,
            "when the number of workers is changed",
            ("workers", "workers_before", "cause"),
        ),
        Hook(
            "worker_abort",
            WORKER,
            "when a request is over its timeout and its thread cannot be freed, before the worker "
            "is replaced",
            (*ONE_WORKER, "cause"),
        ),
        Hook("worker_int", WORKER, "when a worker is told to end at once", ONE_WORKER),
        Hook("worker_exit", WORKER, "when a worker has served its last request", ONE_WORKER),
        Hook(
            "child_exit",
            SUPERVISOR,
            "when a worker has ended, however that happened",
            (*ONE_WORKER, "cause"),
        ),
        Hook("pre_exec", SUPERVISOR, "before an upgrade starts the new server", ("cause",)),
        Hook("on_exit", SUPERVISOR, "when the last worker has ended"),
    )
}

#: A hook that holds the supervisor for longer is told: nothing else happens there meanwhile.
SLOW_SECONDS = 1.0


class HookCall:
    """What a hook is called with. Attributes that a moment does not have are None."""

    __slots__ = (
        "cause",
        "hook",
        "server_pid",
        "settings",
        "worker",
        "worker_age",
        "worker_pid",
        "workers",
        "workers_before",
    )

    def __init__(self, hook: str, settings: Settings, server_pid: int, **about: object) -> None:
        self.hook = hook
        #: Every setting by its name; cannot be changed.
        self.settings = settings
        self.server_pid = server_pid
        for name in self.__slots__:
            if name not in ("hook", "settings", "server_pid"):
                setattr(self, name, about.get(name))

    def __repr__(self) -> str:
        """What this moment has, for a hook that prints what it was given."""
        about = {name: getattr(self, name) for name in ("server_pid", *HOOKS[self.hook].fields)}
        known = [f"{name}={value!r}" for name, value in about.items() if value is not None]
        return f"<call of {self.hook}: {', '.join(known)}>"


class Hooks:
    """The hooks that the settings name. Made in the supervisor; workers have a copy by the fork."""

    def __init__(self, settings: Settings, emit: Callable[..., None]) -> None:
        """`emit` writes an event of the log."""
        self._settings = settings
        self._emit = emit
        self._server_pid = os.getpid()

    @property
    def names(self) -> dict[str, str]:
        """Those that are set, and the functions."""
        return {name: getattr(self._settings, name) for name in HOOKS if self._is_set(name)}

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self._settings, name))

    def import_for(self, process: str) -> None:
        """Import what runs in a process, so that a wrong name is found now. Raises HookFailed."""
        for name in self.names:
            if HOOKS[name].process == process:
                self._function(name)

    def import_for_supervisor(self, places: list[str]) -> None:
        """The same in the supervisor, which imports nothing else of the user's, and says so.

        It looks in `places` last. Workers forget what was imported here: they load what is in the
        files by then. Raises HookFailed.
        """
        wanted = {
            name: text for name, text in self.names.items() if HOOKS[name].process == SUPERVISOR
        }
        if not wanted:
            return
        sys.path += [place for place in places if place not in sys.path]
        before = set(sys.modules)
        self.import_for(SUPERVISOR)
        new = {name for name in set(sys.modules) - before if _is_of_the_project(name)}
        if not new:
            return  # they were imported by an earlier reload
        _ONLY_FOR_SUPERVISOR.update(new)
        self._emit(
            "hooks-in-supervisor",
            hooks=", ".join(wanted),
            modules=", ".join(sorted({text.partition(":")[0] for text in wanted.values()})),
        )

    def run(self, name: str, **about: object) -> None:
        """Call a hook, if it is set; what it raises goes to the log."""
        if not self._is_set(name):
            return
        began = time.monotonic()
        try:
            self._call(name, about)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code ends nothing here
            self._emit(
                "hook-failed",
                hook=name,
                function=getattr(self._settings, name),
                pid=os.getpid(),
                error=f"{type(error).__name__}: {error}",
                detail=_described(error),
            )
        seconds = time.monotonic() - began
        if HOOKS[name].process == SUPERVISOR and seconds > SLOW_SECONDS:
            self._emit(
                "hook-slow",
                hook=name,
                function=getattr(self._settings, name),
                seconds=seconds,
            )

    def run_at_start(self, name: str, **about: object) -> None:
        """Call a hook without which a worker must not start. Raises HookFailed."""
        if not self._is_set(name):
            return
        try:
            self._call(name, about)
        except HookFailed:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            raise HookFailed(
                f"{name} {getattr(self._settings, name)} failed: {type(error).__name__}: {error}",
                details=_described(error),
            ) from None

    def _call(self, name: str, about: dict[str, object]) -> None:
        self._function(name)(HookCall(name, self._settings, self._server_pid, **about))

    def _function(self, name: str) -> Callable[[HookCall], object]:
        text = getattr(self._settings, name)
        module_name, _, path = text.partition(":")
        try:
            found: object = import_module(module_name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            raise HookFailed(
                f"{name} {text}: importing {module_name} failed: {type(error).__name__}: {error}",
                hint="it is looked for beside the application, in pythonpath and in sys.path",
                details=_described(error),
            ) from None
        for word in path.split("."):
            try:
                found = getattr(found, word)
            except AttributeError:
                raise HookFailed(f"{name} {text}: {module_name} has no {path}") from None
        if not callable(found):
            raise HookFailed(f"{name} {text} cannot be called: it is {type(found).__name__}")
        return found


#: Modules of the project that only the supervisor's hooks have needed.
_ONLY_FOR_SUPERVISOR: set[str] = set()


def forget_modules_of_supervisor() -> None:
    """In a process that was just forked: import from the files what the supervisor had imported.

    A reload would not renew it otherwise.
    """
    for name in _ONLY_FOR_SUPERVISOR:
        sys.modules.pop(name, None)
    _ONLY_FOR_SUPERVISOR.clear()


def _is_of_the_project(name: str) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    return file is not None and is_of_project(file)


def _described(error: BaseException) -> str:
    from trivet.app.user_frames import describe  # needed only when something is wrong

    return describe(error)
