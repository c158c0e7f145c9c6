"""`trivet top` on a terminal, drawn by rich in place; what is shown is top.py's. Needs rich."""

from __future__ import annotations

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trivet.cli.figures import rate
from trivet.cli.ps import HEADINGS, headline, rows
from trivet.cli.top import (
    MOST_ROUTES,
    MOST_RUNNING,
    ROUTE_HEADINGS,
    RUNNING_HEADINGS,
    route_rows,
    running_rows,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Columns of numbers, which are read from the right.
RIGHT = {
    *("worker", "pid", "age", "requests", "memory", "busy", "connections", "rate"),
    *("for", "slow requests", "mean", "longest"),
}

#: Texts that share what numbers leave of the line, and how.
SHARES = {"runs now": 3, "at": 3, "line": 2}

#: Headings that are wider than what is below them.
SHORT = {"connections": "open"}

#: Lines that are neither workers, routes nor threads: the title, three headings, lines between.
OTHER_LINES = 8


class Screen:
    """Draws each look over the last one; the terminal is as before when it ends."""

    def __init__(self) -> None:
        self._live = Live(screen=True, auto_refresh=False)

    def __enter__(self) -> Callable[[dict[str, Any]], None]:
        self._live.__enter__()
        return self.draw

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def draw(self, look: dict[str, Any]) -> None:
        self._live.update(picture(look, self._live.console.height), refresh=True)


def picture(look: dict[str, Any], height: int) -> Group:
    """One look, of so many lines at most.

    Texts of the application are Text, or rich would read brackets as markup.
    """
    server = look["server"]
    title = Text(f"{headline(server)}, {rate(server['requests_per_second'])}", style="bold")
    pairs = list(zip(rows(look), look["workers"], strict=True))
    workers = _filled(
        # The mode last: it is what a narrow screen may cut.
        (*HEADINGS[:-1], "rate", HEADINGS[-1]),
        [(*row[:-1], rate(w["requests_per_second"]), row[-1]) for row, w in pairs],
    )
    room = max(6, height - OTHER_LINES - len(look["workers"]))
    # Routes get what threads leave, and a third at least.
    running = running_rows(look, min(MOST_RUNNING, max(room - len(look["routes"]), room * 2 // 3)))
    routes = route_rows(look, min(MOST_ROUTES, room - len(running)))
    parts: list[Any] = [title, workers, Text()]
    parts.append(
        _filled(RUNNING_HEADINGS, running) if running else Text("no thread runs a request")
    )
    left_out = len(look["running"]) - len(running)
    if left_out > 0:
        parts.append(Text(f"and {left_out} more threads", style="dim"))
    if routes:
        parts += [Text(), _filled(ROUTE_HEADINGS, routes)]
    return Group(*parts)


def _filled(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    """A table in which numbers stay whole, whatever else is cut on a narrow screen."""
    table = Table(box=None, pad_edge=False, expand=any(heading in SHARES for heading in headings))
    for heading, column in zip(headings, zip(*rows, strict=True), strict=True):
        is_number = heading in RIGHT
        shown = SHORT.get(heading, heading)
        table.add_column(
            shown,
            justify="right" if is_number else "left",
            min_width=max(map(len, (shown, *column))) if is_number else None,
            ratio=SHARES.get(heading),
            no_wrap=True,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table
