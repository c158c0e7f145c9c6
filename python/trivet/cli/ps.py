"""`trivet ps`: the workers of a running server, once; `trivet top` goes on."""

from __future__ import annotations

from trivet.cli.figures import UNKNOWN, age, count, size
from trivet.cli.output import show
from trivet.cli.running_server import read_arguments
from trivet.cli.settings import to_json
from trivet.cli.terminal import aligned
from trivet.errors import escape_controls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What the server does beside serving: its name in the answer, and in words.
DOING = {
    "reloading": "reloading",
    "stop_announced": "not ready any more: about to stop",
    "stopping": "stopping",
}

HEADINGS = ("worker", "pid", "state", "age", "requests", "memory", "busy", "connections", "mode")


def run(arguments: list[str]) -> int:
    """Print the table; the exit code."""
    request = read_arguments("ps", arguments)
    client = request.connect()
    answer = client.ask("ps")
    client.close()
    if request.as_json:
        show(to_json({name: answer[name] for name in ("server", "workers", "routes")}))
    else:
        show("\n".join([headline(answer["server"]), *aligned([HEADINGS, *rows(answer)])]))
    return 0


def headline(server: dict[str, Any]) -> str:
    """The server in one line."""
    parts = [
        f"{escape_controls(server['app'])} on {' '.join(server['urls'])}",
        f"pid {server['pid']}",
        f"up {age(server['age_seconds'])}",
        f"supervisor {size(server['memory_bytes'])}",
    ]
    parts += [
        f"preload pid {parent['pid']} {size(parent['memory_bytes'])}"
        for parent in server["preload"]
    ]
    return ", ".join([*parts, *(word for name, word in DOING.items() if server[name])])


def rows(answer: dict[str, Any]) -> list[tuple[str, ...]]:
    """The workers, one row each, as the headings say."""
    return [
        (
            str(worker["worker"]),
            str(worker["pid"]),
            worker["state"] + ("" if worker["answers"] or not _should(worker) else ", no answer"),
            age(worker["age_seconds"]),
            count(worker["requests"]),
            size(worker["memory_bytes"]),
            busy(worker),
            count(worker["connections"]),
            worker["mode"] or UNKNOWN,
        )
        for worker in answer["workers"]
    ]


def busy(worker: dict[str, Any]) -> str:
    """Threads that run a request, of those that there are."""
    if worker["threads"] is None:
        return UNKNOWN
    return f"{worker['busy_threads']} of {worker['threads']}"


def _should(worker: dict[str, Any]) -> bool:
    """Whether silence means something: one that loads has nothing to answer with."""
    return worker["state"] in ("serving", "retiring")
