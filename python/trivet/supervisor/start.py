"""What every start of a server has in common: log, number of workers, sockets; no app, no worker.

`trivet serve` and serve() differ in where the app comes from.
"""

from __future__ import annotations

import sys
from pathlib import Path

from trivet.errors import HostError
from trivet.host import raise_open_file_limit
from trivet.observe.log import Log
from trivet.supervisor.sockets import bind_again, bind_all
from trivet.worker.open_files import LEAST_FILES, check_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket

    from trivet.settings.resolve import Resolved
    from trivet.settings.table import Settings
    from trivet.startup import Startup
    from trivet.supervisor.listeners import Listeners
    from trivet.supervisor.loop import Supervisor


def working_directory() -> Path:
    """The current directory. Raises HostError when it was deleted or may not be seen."""
    try:
        return Path.cwd()
    except OSError as error:
        raise HostError(
            f"the current directory cannot be used: {error.strerror}",
            hint="it may have been removed or made anew; cd to a directory that exists",
        ) from error


def open_log(resolved: Resolved) -> Log:
    """The log that the settings ask for, on standard error: standard output may be the app's."""
    settings = resolved.settings
    return Log(sys.stderr, settings.log_format, settings.log_level)


def worker_count(resolved: Resolved) -> tuple[int, str]:
    """How many workers to run, and why that many, in a phrase."""
    workers = resolved.settings.workers
    if isinstance(workers, int):
        return workers, resolved.sources["workers"].origin
    # Needed only when nobody has said a number.
    from trivet.project.limits import choose_workers

    chosen = choose_workers()
    return chosen.count, chosen.reason


def open_sockets(resolved: Resolved, startup: Startup, log: Log, workers: int) -> Listeners:
    """Bind every address and say where; raises HostError."""
    settings = resolved.settings
    # Every connection is an open file; the workers inherit the limit. The supervisor has a link to
    # each worker.
    check_limit(raise_open_file_limit(), LEAST_FILES + len(settings.addresses) + workers)
    with startup.step("open the sockets"):
        listeners = bind_all(settings.addresses, settings.backlog)
    for note in resolved.notes:
        log.emit("setting-note", note=note)
    for url in listeners.urls:
        log.emit("listening", url=url)
    return listeners


def open_sockets_again(resolved: Resolved, listeners: Listeners, log: Log) -> list[socket.socket]:
    """At a reload: bind the addresses that are new and say where; the sockets to use from now on.

    Raises HostError. The loop closes those that nobody uses any more.
    """
    before = set(listeners.urls)
    settings = resolved.settings
    sockets = bind_again(listeners, settings.addresses, settings.backlog)
    for url in listeners.urls:
        if url not in before:
            log.emit("listening", url=url)
    return sockets


def open_metrics(supervisor: Supervisor, settings: Settings, log: Log) -> Listeners | None:
    """Serve the metrics page where the settings say, in the supervisor's loop; the sockets, which
    the caller closes at the end. Raises HostError."""
    if not settings.metrics:
        return None
    import time
    from functools import partial

    from trivet.supervisor.metrics_page import MetricsPage
    from trivet.supervisor.server_state import metrics_of

    listeners = bind_all(settings.metrics, settings.backlog)
    page = MetricsPage(supervisor, listeners.sockets, partial(metrics_of, supervisor, time.time()))

    def close_in_workers() -> None:
        for opened in (*listeners.sockets, *page.sockets):
            opened.close()

    supervisor.close_in_workers(close_in_workers)
    for url in listeners.urls:
        log.emit("metrics-served", url=url)
    return listeners


def supervise(supervisor: Supervisor, settings: Settings, log: Log) -> int:
    """Run the supervisor, and beside it the metrics page; the exit code."""
    metrics = open_metrics(supervisor, settings, log)
    try:
        return supervisor.run()
    finally:
        if metrics is not None:
            metrics.close()
