"""`trivet serve`: from the command line to a server; the supervisor keeps it running."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import cache, partial

from trivet.app.load import load_app
from trivet.app.production import refuse_debug, refuse_debug_environment
from trivet.cli.flags import OwnFlag, parse_flags
from trivet.control.guest import controlled
from trivet.errors import AppImportFailed, TrivetError
from trivet.project.find_app import find_app
from trivet.settings.resolve import resolve
from trivet.settings.sources import Layer
from trivet.settings.table import SPECS
from trivet.startup import Startup
from trivet.supervisor.activation import (
    take_passed_sockets,
    tell_of_passed_sockets,
    use_passed_sockets,
)
from trivet.supervisor.loop import Supervisor
from trivet.supervisor.scaling import within_bounds
from trivet.supervisor.signals import BLOCKED_WHILE_WRITING
from trivet.supervisor.start import (
    LAST_WORDS_SECONDS,
    claim_pid_file,
    enter_directory,
    identity_for_workers,
    open_access_log,
    open_log,
    open_sockets,
    open_sockets_again,
    set_umask,
    supervise,
    worker_count,
    working_directory,
)
from trivet.supervisor.upgrade import VARIABLE, Relaunch, logical_directory
from trivet.worker.main import WorkerPlan
from trivet.worker.output import OwnOutput, print_lines_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from collections.abc import Sequence
    from pathlib import Path

    from trivet.app.hooks import Hooks
    from trivet.observe.log import Log
    from trivet.project.find_app import AppChoice
    from trivet.settings.resolve import Resolved
    from trivet.settings.table import Settings
    from trivet.supervisor.identity import Identity
    from trivet.supervisor.predecessor import Predecessor
    from trivet.worker.main import Loaded

#: Named for what most people come from; it reads files of uWSGI and waitress too.
FOREIGN_FLAG = "--gunicorn-config"

OWN_FLAGS = (
    OwnFlag(
        FOREIGN_FLAG,
        "Read this gunicorn.conf.py (python:MODULE, or - for none) and GUNICORN_CMD_ARGS too, or a "
        "file of uWSGI or waitress. Says what is used and what is not; every other place is "
        "stronger. `trivet settings --from FILE` writes the trivet.toml that says the same.",
        ("FILE",),
    ),
)


def run(arguments: list[str]) -> int:
    """Serve until told to stop; the exit code, 0 after an orderly stop.

    Raises TrivetError for everything that keeps the server from starting.
    """
    if VARIABLE not in os.environ:
        return _serve(arguments, None)
    # Needed only after an upgrade.
    from trivet.supervisor.predecessor import find_predecessor

    predecessor = find_predecessor(os.environ)
    try:
        return _serve(arguments, predecessor)
    except TrivetError as error:
        if not predecessor.tell_failure(error):
            raise
        # Said once, by the one that goes on: both write to the same places.
        return error.exit_code


def _serve(arguments: list[str], predecessor: Predecessor | None) -> int:
    began = time.monotonic()
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_WHILE_WRITING)
    startup = Startup()
    directory = working_directory()
    relaunch_directory = logical_directory(os.environ)
    with startup.step("read the settings"):
        passed = (
            take_passed_sockets(os.environ) if predecessor is None else predecessor.passed_sockets()
        )
        resolved = use_passed_sockets(read_settings(arguments, directory), passed)
    set_umask(resolved.settings)
    app_directory = enter_directory(directory, resolved.settings)
    log = open_log(resolved)
    tell_of_passed_sockets(resolved, passed, log)
    with startup.step("find the app"):
        choice = find_app_with_path(resolved, app_directory)
    refuse_debug_environment(os.environ)
    workers, reason = worker_count(resolved)
    if predecessor is not None and resolved.settings.max_workers:
        # What the load has asked for so far is the best guess.
        workers = within_bounds(predecessor.workers, resolved.settings)
    log.emit("app-chosen", app=choice.name, reason=choice.reason)
    log.emit("workers-chosen", workers=workers, reason=reason)
    access_log = open_access_log(resolved, None)
    hooks = hooks_of(resolved.settings, choice, log)
    if hooks is not None:
        hooks.run("on_starting")
    pid_file = claim_pid_file(resolved.settings, log, predecessor.pid if predecessor else 0)
    try:
        listeners = open_sockets(resolved, startup, log, workers, predecessor)
    except BaseException:
        if pid_file is not None:
            pid_file.remove()
        raise

    # Made once, for all reloads, and only when it is asked for.
    own_output = cache(OwnOutput)

    def plan_of(
        resolved: Resolved,
        choice: AppChoice,
        startup: Startup,
        workers: int,
        sockets: list[socket.socket],
        hooks: Hooks | None,
    ) -> WorkerPlan:
        return WorkerPlan(
            settings=resolved.settings,
            listeners=sockets,
            prepare=partial(
                prepare,
                identity_for_workers(resolved.settings),
                [str(choice.directory_to_add), *places_of_modules(resolved.settings)],
            ),
            load=partial(load, choice),
            hooks=hooks,
            startup=startup,
            log=log,
            multiprocess=workers > 1 or resolved.settings.max_workers > 1,
            app_name=choice.name,
            preload=resolved.settings.preload and sys.platform == "linux",
            own_output=own_output() if resolved.settings.worker_output == "tagged" else None,
            access_log=access_log,
        )

    def renew() -> tuple[WorkerPlan, int]:
        """What a reload needs: the settings and the app as they are now."""
        nonlocal access_log
        startup = Startup()
        with startup.step("read the settings"):
            resolved = use_passed_sockets(read_settings(arguments, directory), passed)
        with startup.step("find the app"):
            app_directory = enter_directory(directory, resolved.settings)
            choice = find_app_with_path(resolved, app_directory)
        workers, _ = worker_count(resolved)
        hooks = hooks_of(resolved.settings, choice, log)
        sockets = open_sockets_again(resolved, listeners, log)
        access_log = open_access_log(resolved, supervisor.crew.plan.access_log)
        return plan_of(resolved, choice, startup, workers, sockets, hooks), workers

    try:
        plan = plan_of(resolved, choice, startup, workers, listeners.sockets, hooks)
        settings = resolved.settings
        write_pid_file = pid_file.write if pid_file is not None else _nothing
        on_ready = write_pid_file if predecessor is None else predecessor.tell_ready
        relaunch = Relaunch(relaunch_directory, passed)
        supervisor = Supervisor(workers, listeners, plan, log, began, renew, on_ready, relaunch)
        waits = predecessor is not None
        with controlled(supervisor, settings.control, os.environ, log, waits=waits) as control:

            def taken_over() -> None:
                write_pid_file()
                control.take_place()

            return supervise(supervisor, settings, log, predecessor, taken_over)
    finally:
        listeners.close()
        if pid_file is not None:
            pid_file.remove()
        log.close(LAST_WORDS_SECONDS)


def _nothing() -> None:
    pass


def read_settings(arguments: list[str], directory: Path, command: str = "serve") -> Resolved:
    """The settings as flags, variables and files have them now. Raises TrivetError.

    `command` is the one that was typed, for errors.
    """
    parsed = parse_flags(command, arguments, "serve", OWN_FLAGS)
    foreign = None
    if FOREIGN_FLAG in parsed.own:
        from trivet.foreign.files import from_file

        foreign = from_file(parsed.own[FOREIGN_FLAG][0], os.environ)
    resolved = resolve(
        mode="serve",
        flags=parsed.flags,
        keywords={},
        environ=os.environ,
        directory=directory,
        config_file=parsed.config_file,
        foreign=None if foreign is None else foreign.given,
    )
    if foreign is not None:
        resolved.notes = (*foreign.notes(), *resolved.notes)
    return resolved


def find_app_with_path(resolved: Resolved, directory: Path) -> AppChoice:
    """Find the app, also in `pythonpath`; afterwards sys.path is as before.

    In the supervisor these directories come last and not for long: what it imports is its own.
    """
    source, before = resolved.sources["app"], list(sys.path)
    origin = "named as APP" if source.layer == Layer.FLAG else f"named in {source.origin}"
    sys.path += places_of_modules(resolved.settings)
    try:
        return find_app(resolved.settings.app, directory, os.environ, origin)
    finally:
        sys.path[:] = before


def places_of_modules(settings: Settings) -> list[str]:
    return [os.path.abspath(place) for place in settings.pythonpath]


def hooks_of(settings: Settings, choice: AppChoice, log: Log) -> Hooks | None:
    """The hooks, those of the supervisor imported; None without any. Raises HookFailed."""
    if not any(getattr(settings, name) for name in SPECS if SPECS[name].group == "Hooks"):
        return None
    # Needed only by who asks for it.
    from trivet.app.hooks import Hooks

    print_lines_at_once()  # also what hooks print in this process
    hooks = Hooks(settings, log.emit)
    hooks.import_for_supervisor([str(choice.directory_to_add), *places_of_modules(settings)])
    return hooks


def prepare(identity: Identity | None, places: Sequence[str], startup: Startup) -> None:
    """Before the app is imported, in each worker: become another user, if there is one to become,
    and let modules be found."""
    if identity is not None:
        with startup.step("change the user"):
            identity.assume()
    # Before the imports of others; where the app is comes first.
    sys.path[:0] = places


def load(choice: AppChoice, startup: Startup) -> Loaded:
    """Import the app and judge it. Runs in each worker: the supervisor never imports the app."""
    try:
        loaded = load_app(choice, startup, environ=os.environ)
    except KeyboardInterrupt as error:
        # The app's own: while it loads, the worker's handler of SIGINT raises nothing.
        raise _interrupted(choice, error) from None
    with startup.step("refuse debug mode"):
        refuse_debug(loaded.app, os.environ)
    notes = [
        ("run-ignored", {"call": ignored.call, "place": ignored.place})
        for ignored in loaded.ignored_runs
    ]
    return loaded.app, notes


def _interrupted(choice: AppChoice, error: KeyboardInterrupt) -> AppImportFailed:
    from trivet.app.user_frames import describe  # needed only when something is wrong

    return AppImportFailed(
        f"importing {choice.module} failed: it raised KeyboardInterrupt", details=describe(error)
    )
