"""What every start of a server has in common: log, number of workers, sockets; no app, no worker.

`trivet serve` and serve() differ in where the app comes from.
"""

from __future__ import annotations

import sys

from trivet.host import raise_open_file_limit
from trivet.observe.log import Log
from trivet.supervisor.sockets import bind_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.settings.resolve import Resolved
    from trivet.startup import Startup
    from trivet.supervisor.sockets import Listeners


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


def open_sockets(resolved: Resolved, startup: Startup, log: Log) -> Listeners:
    """Bind every address and say where; raises HostError."""
    # Every connection is an open file; the workers inherit the limit.
    raise_open_file_limit()
    settings = resolved.settings
    with startup.step("open the sockets"):
        listeners = bind_all(settings.addresses, settings.backlog)
    for note in resolved.notes:
        log.emit("setting-note", note=note)
    for url in listeners.urls:
        log.emit("listening", url=url)
    return listeners
