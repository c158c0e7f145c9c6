"""What the supervisor knows of its server at one moment, as values for the metrics page."""

from __future__ import annotations

import os
import platform

import trivet
from trivet.observe.metrics import ServerState, WorkerState, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor


def metrics_of(supervisor: Supervisor, started: float, openmetrics: bool) -> bytes:
    """The metrics page of a server that was started at a time, in seconds since 1970."""
    children = [child for slot in supervisor.slots for child in slot.children]
    state = ServerState(
        numbers=supervisor.counters.total(),
        workers=[_worker(child) for child in children],
        restarts=supervisor.restarts,
        started=started,
        version=trivet.__version__,
        python=platform.python_version(),
    )
    return render(state, openmetrics=openmetrics)


def _worker(child: Child) -> WorkerState:
    sizes = memory_of(child.pid)
    ready = child.ready and not child.told_to_stop
    return WorkerState(child.number, child.pid, ready, sizes.get("Rss", 0), sizes.get("Pss", 0))


def memory_of(pid: int) -> dict[str, int]:
    """Sizes of a process in bytes, by their names in smaps_rollup (proc_pid_smaps(5)); empty where
    the system does not tell, or the process has ended."""
    try:
        with open(os.path.join("/proc", str(pid), "smaps_rollup"), encoding="ascii") as file:
            pairs = [line.split() for line in file if line.endswith("kB\n")]
    except OSError:
        return {}
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in pairs}
