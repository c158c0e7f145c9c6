"""How the server and its workers are, as plain data for `ps` and `top`; nothing is asked here."""

from __future__ import annotations

import os
import time

from trivet import __version__
from trivet.control.processes import memory_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.slot import Slot

#: What a worker is doing, in one word, and what that means.
STATES = {
    "loading": "imports the application; nobody depends on it yet",
    "serving": "accepts and answers requests",
    "retiring": "serves until its successor, which is being started, is ready",
    "leaving": "finishes its requests and ends",
    "failed": "could not load the application, and ends",
}


def server_status(supervisor: Supervisor) -> dict[str, object]:
    """The server as a whole."""
    return {
        "pid": os.getpid(),
        "version": __version__,
        "app": supervisor.app_name,
        "directory": os.getcwd(),
        "urls": list(supervisor.urls),
        "age_seconds": time.monotonic() - supervisor.began,
        "memory_bytes": memory_bytes(os.getpid()),
        "workers": sum(not slot.removed for slot in supervisor.slots),
        "reloading": supervisor.is_reloading,
        "stopping": supervisor.is_ending,
    }


def worker_status(slot: Slot, child: Child, counters: object) -> dict[str, object]:
    """One worker. `counters` is what it answered, or None."""
    return {
        "worker": child.number,
        "pid": child.pid,
        "state": state_of(slot, child),
        "age_seconds": child.lived_seconds,
        "generation": child.generation,
        "memory_bytes": memory_bytes(child.pid),
        # Whether it answers at all: one whose main thread cannot have Python's lock does not.
        "answers": counters is not None,
        **counted(counters if isinstance(counters, dict) else {}),
    }


def counted(counters: Mapping[str, int]) -> dict[str, object]:
    """What the engine's counters say, in the words of `trivet ps`; None for what they do not."""
    if not counters:
        return dict.fromkeys(("requests", "busy_threads", "threads", "connections", "mode"))
    return {
        "requests": counters["requests"],
        "busy_threads": counters["connections_busy"],
        "threads": counters["threads"],
        "connections": counters["connections_open"],
        # It begins late, and each change is to the other one.
        "mode": "early" if counters["mode_changes"] % 2 else "late",
    }


def state_of(slot: Slot, child: Child) -> str:
    """One of STATES."""
    if child.failed:
        return "failed"
    if child in slot.leaving or child.told_to_stop:
        return "leaving"
    if not child.ready:
        return "loading"
    return "retiring" if slot.successor is not None else "serving"
