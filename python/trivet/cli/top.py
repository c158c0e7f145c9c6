"""`trivet top`: a running server, looked at again and again until Ctrl-C; rich draws it if there.

Without rich, and where the output is no terminal, each look is a table below the last one.
"""

from __future__ import annotations

import json
import sys
import time

from trivet.cli.figures import count, duration, rate
from trivet.cli.output import show
from trivet.cli.ps import HEADINGS, headline, rows
from trivet.cli.running_server import read_arguments
from trivet.cli.terminal import aligned
from trivet.control.samples import sample
from trivet.errors import ServerNotFound, UsageError, escape_controls
from trivet.settings.quantities import Duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any

    from trivet.control.client import Client

    Draw = Callable[[dict[str, Any]], None]

DEFAULT_INTERVAL_SECONDS = 2.0

#: The first look has no rates; the second comes soon.
FIRST_INTERVAL_SECONDS = 0.5

#: More threads than this are summed up: a screen has so many lines.
MOST_RUNNING = 20

#: The same for routes.
MOST_ROUTES = 10

OWN_FLAGS = {
    "--once": ("", "Look once, and end."),
    "--interval": (
        "DURATION",
        f"The time between looks; {DEFAULT_INTERVAL_SECONDS:g}s by default.",
    ),
}

ENDED = "the server has ended"


def run(arguments: list[str]) -> int:
    """Show looks until Ctrl-C or the end of the server; the exit code."""
    request = read_arguments("top", arguments, own=OWN_FLAGS)
    interval = _interval(request.flags.get("--interval"))
    client = request.connect()
    looks = samples(client, interval)
    try:
        if request.as_json:
            for look in looks:
                show(json.dumps(look))
                if "--once" in request.flags:
                    break
        elif "--once" in request.flags:
            show("\n".join(lines(next(looks))))
        else:
            with _screen() as draw:
                for look in looks:
                    draw(look)
    except ServerNotFound:
        show(ENDED)
    finally:
        client.close()
    return 0


def samples(client: Client, interval_seconds: float) -> Iterator[dict[str, Any]]:
    """Look again and again; the first one has rates already."""
    before, taken = client.ask("ps"), time.monotonic()
    pause = FIRST_INTERVAL_SECONDS
    while True:
        time.sleep(pause)
        pause = interval_seconds
        now, moment = client.ask("ps"), time.monotonic()
        yield sample(before, now, client.ask("stacks"), moment - taken)
        before, taken = now, moment


def lines(look: dict[str, Any]) -> list[str]:
    """One look as text."""
    table = [(*row, rate(w["requests_per_second"])) for row, w in _rows(look)]
    shown = [
        f"{headline(look['server'])}, {rate(look['server']['requests_per_second'])}",
        *aligned([(*HEADINGS, "rate"), *table]),
    ]
    if look["running"]:
        shown += ["", *aligned([RUNNING_HEADINGS, *running_rows(look)])]
    left_out = len(look["running"]) - MOST_RUNNING
    if left_out > 0:
        shown.append(f"and {left_out} more threads")
    if look["routes"]:
        shown += ["", *aligned([ROUTE_HEADINGS, *route_rows(look)])]
    return shown


RUNNING_HEADINGS = ("worker", "for", "runs now", "at", "line")
ROUTE_HEADINGS = ("slowest routes", "slow requests", "mean", "longest")

#: Of a worker whose frames nobody can ask for.
HOLDS = "Python's lock is held"


def running_rows(look: dict[str, Any], most: int = MOST_RUNNING) -> list[tuple[str, ...]]:
    """What threads run now, one row each."""
    directory = look["server"].get("directory", "")
    return [
        (
            str(entry["worker"]),
            duration(entry["age_seconds"]),
            escape_controls(entry["request"] or entry["thread"]),
            escape_controls(_place(entry, directory)),
            escape_controls(entry["text"]),
        )
        for entry in look["running"][:most]
    ]


def _place(entry: dict[str, Any], directory: str) -> str:
    if not entry["file"]:
        return HOLDS
    file = entry["file"].removeprefix(f"{directory}/") if directory else entry["file"]
    return f"{entry['function']} in {file}:{entry['line']}"


def route_rows(look: dict[str, Any], most: int = MOST_ROUTES) -> list[tuple[str, ...]]:
    """The slowest routes, one row each."""
    return [
        (
            escape_controls(route["route"]),
            count(route["count"]),
            duration(route["mean_seconds"]),
            duration(route["longest_seconds"]),
        )
        for route in look["routes"][:most]
    ]


def _rows(look: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    return iter(zip(rows(look), look["workers"], strict=True))


def _interval(text: str | None) -> float:
    if text is None:
        return DEFAULT_INTERVAL_SECONDS
    try:
        seconds: float = Duration(minimum=0.1).from_text(text)
    except ValueError as complaint:
        raise UsageError(f"--interval is {text}, {complaint}") from None
    return seconds


def _screen() -> AbstractContextManager[Draw]:
    """What draws: rich on a terminal, where it is installed; lines otherwise."""
    if sys.stdout is not None and sys.stdout.isatty():
        try:
            from trivet.cli.top_screen import Screen
        except ImportError:
            pass  # pip install 'trivet[top]' has it
        else:
            return Screen()
    return _Lines()


class _Lines:
    """Draws one look below the other."""

    def __enter__(self) -> Draw:
        return lambda look: show("\n".join(lines(look)) + "\n")

    def __exit__(self, *error: object) -> None:
        pass
