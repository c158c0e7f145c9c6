"""`trivet top` on a terminal, drawn by rich in place; what is shown is top.py's. Needs rich."""

from __future__ import annotations

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trivet.cli.figures import rate
from trivet.cli.ps import HEADINGS, headline, rows
from trivet.cli.top import RUNNING_HEADINGS, running_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Columns of numbers, which are read from the right.
RIGHT = {"worker", "pid", "age", "requests", "memory", "busy", "connections", "rate"}


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
        self._live.update(picture(look), refresh=True)


def picture(look: dict[str, Any]) -> Group:
    """One look. Texts of the application are Text, or rich would read brackets as markup."""
    server = look["server"]
    title = Text(f"{headline(server)}, {rate(server['requests_per_second'])}", style="bold")
    workers = _table((*HEADINGS, "rate"))
    for row, worker in zip(rows(look), look["workers"], strict=True):
        workers.add_row(*map(Text, (*row, rate(worker["requests_per_second"]))))
    threads = _table(RUNNING_HEADINGS)
    for running in running_rows(look):
        threads.add_row(*map(Text, running))
    return Group(title, workers, threads if look["running"] else Text("no thread runs a request"))


def _table(headings: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in RIGHT else "left", no_wrap=True)
    return table
