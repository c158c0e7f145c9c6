"""What a person is told of new code, one line for a generation, and when; words are in screen.py.

Runs in the supervisor's only thread.
"""

from __future__ import annotations

import time
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trivet.dev.failure import Failure
    from trivet.dev.processes import Worker
    from trivet.dev.slots import Slot
    from trivet.dev.terminal import Terminal


class Tidings:
    """Tells of a generation once, however many workers it has.

    `going` are the workers with older code. What is told of new code waits until none of them
    accepts any more: a request that comes then can meet no older code.
    """

    def __init__(
        self, terminal: Terminal, going: Callable[[], Iterable[Worker]], began: float
    ) -> None:
        self._terminal = terminal
        self._going = going
        self._changed_at = began
        self._broken = False
        self._told_generation = 0
        self._untold: list[Callable[[], None]] = []

    def loads_again(self) -> None:
        """From now on it is counted how long the next worker takes."""
        self._changed_at = time.monotonic()

    def broke(self, failure: Failure) -> None:
        """The code cannot be loaded or served, and nobody but the supervisor can tell."""
        self._broken = True
        self._terminal.failed(failure)

    def is_ready(self, worker: Worker, slots: Sequence[Slot], why_cold: str) -> None:
        """This worker answers, with the app or with the page of its error."""
        generation = worker.order.generation
        if worker.failure is not None:
            if self._told_generation < generation:
                self._tell_later(partial(self._terminal.failed, worker.failure))
            self._broken = True
            self._told_generation = generation
            return
        if self._told_generation >= generation and not self._broken:
            return
        if any(other.serving is None or other.serving.failure for other in slots):
            return
        seconds = time.monotonic() - self._changed_at
        first = generation == 1 and not self._broken
        self._told_generation = generation
        if first:
            self._terminal.ready(seconds)
        elif self._broken:
            self._tell_later(partial(self._terminal.recovered, seconds, worker.is_warm, why_cold))
        else:
            self._tell_later(partial(self._terminal.reloaded, seconds, worker.is_warm, why_cold))
        self._broken = False

    def tell_what_waits(self) -> None:
        """To be called when a worker has stopped accepting, or has ended."""
        if any(worker.go_until is not None and not worker.has_left for worker in self._going()):
            return
        untold, self._untold = self._untold, []
        for tell in untold:
            tell()

    def _tell_later(self, tell: Callable[[], None]) -> None:
        self._untold.append(tell)
        self.tell_what_waits()
