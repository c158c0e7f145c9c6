"""What the supervisor's loop does at a certain time: callbacks by the monotonic clock."""

from __future__ import annotations

import heapq

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable


class Timers:
    """Callbacks and their times, in seconds of time.monotonic()."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call once, when that time has come; who needs it no more checks that in the callback."""
        self._count += 1  # callbacks cannot be compared, and of equal times the first goes first
        heapq.heappush(self._heap, (moment, self._count, callback))

    @property
    def next_moment(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float) -> list[Callable[[], None]]:
        """Take out what is due, in order."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        return due
