"""serve(): run a server from a Python program, in the place of app.run() and waitress.serve()."""

from __future__ import annotations

import os
import sys
import time

from trivet.app.script_app import ServeReached, Switch
from trivet.errors import ConflictingSettings, TrivetError
from trivet.host import open_missing_standard_streams
from trivet.settings.resolve import resolve
from trivet.startup import Startup
from trivet.supervisor.start import (
    LAST_WORDS_SECONDS,
    open_log,
    open_sockets,
    supervise,
    worker_count,
    working_directory,
)
from trivet.worker.main import WorkerPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from types import TracebackType
    from typing import Any, NoReturn

    from trivet.observe.log import Log
    from trivet.supervisor.listeners import Listeners


def serve(app: object, *, dev: bool = False, **keywords: object) -> None:
    """Serve a WSGI application until the process is told to stop, then return.

        from trivet import serve
        serve(app, host="127.0.0.1", port=5000)

    Every setting is a keyword (`trivet settings` lists them), and waitress's `listen` and
    `url_prefix` are understood too. Configuration files and TRIVET_… variables apply as they do to
    `trivet serve`. With one worker, which is the default here, the server runs in this process, and
    threads that the program has started live on; with more it forks them.

    SIGTERM and the first SIGINT (Ctrl-C) stop it gracefully: requests in flight are finished,
    within `graceful_timeout`. SIGQUIT or a second SIGINT stop it at once. Called in another thread
    than the main one it serves until the process ends.

    With dev=True it is `trivet dev` for this program: the program is run again, as far as this
    call, in a new worker whenever its files change, and errors are shown in the browser. Trivet
    takes this process over, so that nothing after the call is ever run.

    Raises TrivetError: SettingError for a keyword, AppError for an app that cannot be served or is
    in debug mode, HostError for an address that cannot be had. What the program does not catch is
    shown as a message instead of a traceback.

    When `trivet serve` imports a program that calls this without `if __name__ == "__main__":`, the
    call does nothing and is reported.
    """
    if Switch.wanted:
        raise ServeReached(app)
    try:
        if dev:
            _become_trivet_dev(keywords)
        _run_server(app, keywords)
    except TrivetError as error:
        _tell_without_traceback(error)
        # The frames inside Trivet say nothing to whoever has to mend a setting or an app.
        raise error.with_traceback(None) from None


def _become_trivet_dev(keywords: dict[str, object]) -> NoReturn:
    from trivet.dev.script import run_again

    # Wrong keywords are told here, with this program's traceback at hand.
    resolve(
        mode="dev",
        flags={},
        keywords=keywords,
        environ=os.environ,
        directory=working_directory(),
    )
    run_again(keywords)


def _run_server(app: object, keywords: dict[str, object]) -> None:
    from trivet.app.load import check_app
    from trivet.app.production import refuse_debug

    began = time.monotonic()
    open_missing_standard_streams()
    startup = Startup()
    with startup.step("read the settings"):
        resolved = resolve(
            mode="script",
            flags={},
            keywords=keywords,
            environ=os.environ,
            directory=working_directory(),
        )
    log = open_log(resolved)
    with startup.step("check the app"):
        wsgi_app: Any = check_app(app, "the first argument of serve()")
        refuse_debug(wsgi_app, os.environ)
    workers, reason = worker_count(resolved)
    listeners = open_sockets(resolved, startup, log, workers)
    try:
        settings = resolved.settings
        if workers == 1 and not (settings.metrics or settings.statsd or settings.max_workers):
            from trivet.engine.serve import Engine
            from trivet.worker.app_errors import AppErrors
            from trivet.worker.here import serve_here

            serve_here(
                Engine(
                    wsgi_app,
                    resolved.settings,
                    listeners.sockets,
                    on_error=AppErrors(log).tell,
                    on_other_protocol=log.emit,
                ),
                settings=resolved.settings,
                log=log,
                began=began,
                take_no_more=listeners.take_no_more,
                close_listeners=listeners.close,
            )
        else:
            log.emit("workers-chosen", workers=workers, reason=reason)
            plan = WorkerPlan(
                settings=resolved.settings,
                listeners=listeners.sockets,
                load=lambda _: (wsgi_app, []),
                startup=startup,
                log=log,
                multiprocess=workers > 1 or settings.max_workers > 1,
                app_name="the app",
            )
            _supervise(workers, listeners, plan, log, began)
    finally:
        listeners.close()
        log.close(LAST_WORDS_SECONDS)


def _supervise(
    workers: int, listeners: Listeners, plan: WorkerPlan, log: Log, began: float
) -> None:
    """Fork the workers, which have the app already, and watch them from this process."""
    import threading

    from trivet.control.guest import controlled
    from trivet.supervisor.loop import Supervisor

    if threading.current_thread() is not threading.main_thread():
        raise ConflictingSettings(
            f"serve() with {workers} workers was not called in the main thread, which alone hears"
            " of signals and ended processes",
            hint="call it in the main thread, or with workers=1",
        )
    others = threading.active_count() - 1
    if others:
        log.emit("threads-not-inherited", threads=others)
    supervisor = Supervisor(workers, listeners, plan, log, began)
    with controlled(supervisor, plan.settings.control, os.environ, log):
        supervise(supervisor, plan.settings, log)


def _tell_without_traceback(error: TrivetError) -> None:
    """If nobody catches this error, let Python show it and exit as `trivet serve` does."""
    previous = sys.excepthook

    def show(
        exception_class: type[BaseException],
        exception: BaseException,
        traceback: TracebackType | None,
    ) -> None:
        if exception is not error:
            previous(exception_class, exception, traceback)
            return
        lines = [f"trivet: {error}", error.explanation]
        print("\n".join(line for line in lines if line), file=sys.stderr)
        # The interpreter honours SystemExit from the hook, and takes 1 for any other exception.
        raise SystemExit(error.exit_code)

    sys.excepthook = show
