"""What every start of a server has in common: log, number of workers, sockets; no app, no worker.

`trivet serve` and serve() differ in where the app comes from.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from trivet.errors import HostError
from trivet.host import raise_open_file_limit
from trivet.observe.log import Log
from trivet.observe.patient_stream import patient_stream
from trivet.supervisor.scaling import within_bounds
from trivet.supervisor.sockets import bind_again, bind_all
from trivet.worker.open_files import LEAST_FILES, check_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from collections.abc import Callable, Sequence

    from trivet.observe.access_log_file import AccessLogFile
    from trivet.observe.log import Stream
    from trivet.settings.addresses import Address
    from trivet.settings.resolve import Resolved
    from trivet.settings.table import Settings
    from trivet.startup import Startup
    from trivet.supervisor.identity import Identity
    from trivet.supervisor.listeners import Listeners
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.pid_file import PidFile
    from trivet.supervisor.predecessor import Predecessor

STANDARD_ERROR = 2

#: At the end, a reader of the log that has fallen behind is waited for no longer.
LAST_WORDS_SECONDS = 1.0


def working_directory() -> Path:
    """The current directory. Raises HostError when it was deleted or may not be seen."""
    try:
        return Path.cwd()
    except OSError as error:
        raise HostError(
            f"the current directory cannot be used: {error.strerror}",
            hint="it may have been removed or made anew; cd to a directory that exists",
        ) from error


def enter_directory(start: Path, settings: Settings) -> Path:
    """Go where `chdir` says, from the directory of the start on, and be there from now on.

    Raises HostError.
    """
    if not settings.chdir:
        return start
    directory = start / settings.chdir
    try:
        os.chdir(directory)
    except OSError as error:
        raise HostError(
            f"chdir {directory}: {error.strerror}", hint="name a directory that exists"
        ) from error
    return directory


def set_umask(settings: Settings) -> None:
    """Before any file is made; workers and what they execute inherit it."""
    if settings.umask:
        os.umask(int(settings.umask, 8))


def identity_for_workers(settings: Settings) -> Identity | None:
    """Who the processes of the app are to become, or None. Raises HostError."""
    if not settings.user and not settings.group:
        return None
    # Needed only by who asks for it.
    from trivet.supervisor.identity import find_identity

    return find_identity(settings.user, settings.group)


def claim_pid_file(settings: Settings, log: Log, predecessor: int = 0) -> PidFile | None:
    """The pid file, not written yet, or None. Raises HostError when another server has it.

    `predecessor` is the server that this one is to replace.
    """
    if not settings.pid_file:
        return None
    # As above.
    from trivet.supervisor.pid_file import PidFile

    return PidFile(settings.pid_file, log, predecessor)


def open_log(resolved: Resolved) -> Log:
    """The log that the settings ask for, on standard error or in a file. Raises HostError.

    Not on standard output, which may be the app's.
    """
    settings = resolved.settings
    file = None
    if resolved.mode == "serve" and settings.log_file != "-":
        # Needed only by who asks for it.
        from trivet.observe.log_file import LogFile

        identity = identity_for_workers(settings)
        file = LogFile(settings.log_file, None if identity is None else identity.own_file)
    # Whoever develops stops a terminal to read what is on it, and everything may stop then.
    stream = sys.stderr if resolved.mode == "dev" else patient_standard_error()
    return Log(stream, settings.log_format, settings.log_level, file=file)


def open_access_log(resolved: Resolved, before: AccessLogFile | None) -> AccessLogFile | None:
    """The file of the access log, if it goes to one; `before` is the one until now, at a reload.

    Raises HostError.
    """
    settings = resolved.settings
    if not settings.access_log or settings.access_log_file == "-":
        return None
    # Needed only by who asks for it.
    from trivet.observe.access_log_file import AccessLogFile

    if before is not None and before.path == os.path.abspath(settings.access_log_file):
        return before
    identity = identity_for_workers(settings)
    return AccessLogFile(settings.access_log_file, None if identity is None else identity.own_file)


def patient_standard_error() -> Stream | None:
    """Standard error, whose reader is not waited for; as it is what a program has put there."""
    try:
        if sys.stderr is not None and sys.stderr.fileno() == STANDARD_ERROR:
            return patient_stream(STANDARD_ERROR)
    except (OSError, ValueError):
        pass  # no file, or closed
    return sys.stderr


def worker_count(resolved: Resolved) -> tuple[int, str]:
    """How many workers to run, and why that many, in a phrase."""
    settings = resolved.settings
    if isinstance(settings.workers, int):
        count, reason = settings.workers, resolved.sources["workers"].origin
    else:
        # Needed only when nobody has said a number.
        from trivet.project.limits import choose_workers

        chosen = choose_workers()
        count, reason = chosen.count, chosen.reason
    if settings.max_workers:
        count = within_bounds(count, settings)
        reason += f"; from {settings.min_workers} to {settings.max_workers}, as the load asks for"
    return count, reason


def open_sockets(
    resolved: Resolved,
    startup: Startup,
    log: Log,
    workers: int,
    predecessor: Predecessor | None = None,
) -> Listeners:
    """Bind every address and say where; raises HostError. A predecessor's are open already."""
    settings = resolved.settings
    # Every connection is an open file; the workers inherit the limit. The supervisor has a link to
    # each worker.
    check_limit(raise_open_file_limit(), LEAST_FILES + len(settings.addresses) + workers)
    with startup.step("open the sockets"):
        listeners = _open(
            settings.addresses, settings.backlog, preparation_of_files(resolved), predecessor
        )
    for note in resolved.notes:
        log.emit("setting-note", note=note)
    for url in listeners.urls:
        log.emit("listening", url=url)
    return listeners


def _open(
    addresses: Sequence[Address],
    backlog: int,
    prepare_file: Callable[[str], None] | None,
    predecessor: Predecessor | None,
) -> Listeners:
    if predecessor is None:
        return bind_all(addresses, backlog, prepare_file)
    listeners = predecessor.listeners_for(addresses)
    bind_again(listeners, addresses, backlog, prepare_file)
    return listeners


def open_sockets_again(resolved: Resolved, listeners: Listeners, log: Log) -> list[socket.socket]:
    """At a reload: bind the addresses that are new and say where; the sockets to use from now on.

    Raises HostError. The loop closes those that nobody uses any more.
    """
    before = set(listeners.urls)
    settings = resolved.settings
    sockets = bind_again(
        listeners, settings.addresses, settings.backlog, preparation_of_files(resolved)
    )
    for url in listeners.urls:
        if url not in before:
            log.emit("listening", url=url)
    return sockets


def open_metrics(
    supervisor: Supervisor, settings: Settings, log: Log, predecessor: Predecessor | None
) -> Listeners | None:
    """Serve the metrics page where the settings say, in the supervisor's loop; the sockets, which
    the caller closes at the end. Raises HostError."""
    if not settings.metrics:
        return None
    import time
    from functools import partial

    from trivet.supervisor.metrics_page import MetricsPage
    from trivet.supervisor.server_state import metrics_of

    try:
        listeners = _open(settings.metrics, settings.backlog, None, predecessor)
    except HostError as error:
        # Its hint is about the port that clients know.
        raise type(error)(
            f"the metrics page: {error.what}",
            hint="stop what listens there, or give another address with --metrics HOST:PORT",
        ) from error
    supervisor.upgrade.guests.append(listeners)
    page = MetricsPage(supervisor, listeners.sockets, partial(metrics_of, supervisor, time.time()))

    def close_in_workers() -> None:
        for opened in (*listeners.sockets, *page.sockets):
            opened.close()

    supervisor.close_in_workers(close_in_workers)
    for url in listeners.urls:
        log.emit("metrics-served", url=url)
    return listeners


def begin_statsd(supervisor: Supervisor, settings: Settings, log: Log) -> Callable[[], None]:
    """Report to statsd where the settings say; what to call at the end."""
    if not settings.statsd:
        return lambda: None
    # Needed only by who asks for it.
    from trivet.supervisor.statsd import begin_reports

    return begin_reports(supervisor, settings, log)


def supervise(
    supervisor: Supervisor,
    settings: Settings,
    log: Log,
    predecessor: Predecessor | None = None,
    taken_over: Callable[[], None] = lambda: None,
) -> int:
    """Run the supervisor, and beside it the metrics page and statsd; the exit code.

    `taken_over` is called when this server has the place of its predecessor.
    """
    metrics = open_metrics(supervisor, settings, log, predecessor)
    finish_statsd = begin_statsd(supervisor, settings, log)
    if predecessor is not None:
        predecessor.begin(supervisor, taken_over)
    try:
        return supervisor.run()
    finally:
        finish_statsd()
        if metrics is not None:
            metrics.close()


def preparation_of_files(resolved: Resolved) -> Callable[[str], None] | None:
    """What is to be done to the file of a Unix socket before anybody can connect, if anything."""
    settings = resolved.settings
    # Development and scripts run as who started them.
    identity = identity_for_workers(settings) if resolved.mode == "serve" else None
    if identity is None and not settings.socket_mode:
        return None
    return partial(_prepare_file, settings.socket_mode, identity)


def _prepare_file(mode: str, identity: Identity | None, path: str) -> None:
    if mode:
        os.chmod(path, int(mode, 8))
    if identity is not None:
        identity.own_file(path)
