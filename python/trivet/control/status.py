"""How the server and its workers are, as plain data for `ps` and `top`; nothing is asked here."""

from __future__ import annotations

import os
import time

from trivet import __version__
from trivet.control.processes import memory_bytes
from trivet.observe.board import merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.observe.counters import Numbers
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
        "age_seconds": round(time.monotonic() - supervisor.began, 3),
        "memory_bytes": memory_bytes(os.getpid()),
        "workers": sum(not slot.removed for slot in supervisor.slots),
        "reloading": supervisor.is_reloading,
        # The check of readiness fails already, and everything is served: drain_delay.
        "stop_announced": supervisor.stopping.is_announced and not supervisor.is_ending,
        "stopping": supervisor.is_ending,
        "preload": [
            {"pid": parent.pid, "memory_bytes": memory_bytes(parent.pid)}
            for parent in supervisor.crew.parents
        ],
    }


def worker_status(slot: Slot, child: Child, answered: object) -> dict[str, object]:
    """One worker. `answered` is what it answered, or None.

    Counters and what it runs come from shared memory, also of one that answers nothing: code that
    holds Python's lock keeps its main thread from running.
    """
    return {
        "worker": child.number,
        "pid": child.pid,
        "state": state_of(slot, child),
        "age_seconds": round(child.lived_seconds, 3),
        "generation": child.generation,
        "memory_bytes": memory_bytes(child.pid),
        "answers": answered is not None,
        **counted(child.region.read() if child.region is not None and child.ready else None),
        "running": running(child),
    }


def running(child: Child) -> list[dict[str, object]]:
    """The requests that a worker ran at most a second ago, those that run for longest first."""
    if child.region is None or not child.ready:
        return []
    now = time.monotonic()
    return [
        {
            "request": entry.request,
            "age_seconds": round(max(0.0, now - entry.began), 3),
            "thread": entry.thread,
        }
        for entry in child.region.running()
    ]


def slow_routes(supervisor: Supervisor) -> list[dict[str, object]]:
    """The routes of all workers that live, those whose slow requests take longest first."""
    children = [child for slot in supervisor.slots for child in slot.children]
    found = [entry for c in children if c.region is not None for entry in c.region.routes()]
    return [
        {
            "route": entry.route,
            "count": entry.count,
            "mean_seconds": round(entry.total / entry.count, 6),
            "longest_seconds": entry.longest,
        }
        for entry in merged(found)
    ]


def counted(counters: Numbers | None) -> dict[str, object]:
    """What the engine's counters say, in the words of `trivet ps`; None where there are none."""
    if counters is None:
        return dict.fromkeys(("requests", "busy_threads", "threads", "connections", "mode"))
    return {
        "requests": counters["requests"],
        "busy_threads": max(0, counters.in_flight - counters["conversations"]),
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
