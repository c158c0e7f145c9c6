"""Memory that the supervisor shares with its workers, and the counters of all workers in it.

Made once, before the first fork, and never a file: each worker process writes in a region of its
own, and the supervisor reads all of them, at any time and without asking. When a process has ended,
what it counted is added to the totals of its place, so that totals only rise, whatever happens to
processes, and also while two of them share a place.
"""

from __future__ import annotations

import mmap

from trivet.observe.board import BOARD_BYTES, routes, running
from trivet.observe.counters import WIDTH, Numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.observe.board import RouteEntry, RunningEntry

#: One process's part. The counters are at its beginning, and behind them is the board (board.py).
REGION_BYTES = 16 * 1024

#: Processes that can live at the same time and be counted. Pages that nobody has touched cost no
#: memory, so this is no reason to be thrifty.
REGIONS = 1024


class Region:
    """The memory of one worker process."""

    __slots__ = ("_board", "_numbers", "index", "view")

    def __init__(self, index: int, view: memoryview) -> None:
        self.index = index
        self.view = view
        # A copy of whole 64-bit words, each of which one load reads: no half of a number is seen.
        self._numbers = view[: WIDTH * 8].cast("Q")
        self._board = view[WIDTH * 8 : WIDTH * 8 + BOARD_BYTES].cast("Q")

    def read(self) -> Numbers:
        return Numbers(self._numbers.tolist())

    def running(self) -> list[RunningEntry]:
        """What the process's threads ran a second ago or later."""
        return running(self._board)

    def routes(self) -> list[RouteEntry]:
        """The process's slow routes."""
        return routes(self._board)


class WorkerCounters:
    """The regions of all workers, and what the processes that have ended had counted.

    The supervisor's thread alone uses it, and in a server without one the thread that serves.
    """

    def __init__(self, regions: int = REGIONS) -> None:
        self._view = memoryview(mmap.mmap(-1, regions * REGION_BYTES))
        self._free = list(range(regions - 1, -1, -1))
        self._live: dict[int, list[Region]] = {}
        self._ended: dict[int, Numbers] = {}

    def begin(self, number: int) -> Region | None:
        """A region for a process that is about to begin in a place; None when there is none left,
        and then that process is not counted."""
        if not self._free:
            return None
        index = self._free.pop()
        region = Region(index, self.memory_at(index))
        self._live.setdefault(number, []).append(region)
        return region

    def memory_at(self, index: int) -> memoryview:
        """The memory of a region; also for a process that inherits it, and forks another."""
        start = index * REGION_BYTES
        return self._view[start : start + REGION_BYTES]

    def end(self, number: int, region: Region | None) -> None:
        """The process has ended, and been reaped: it writes no more."""
        live = self._live.get(number, [])
        if region is None or region not in live:
            return
        live.remove(region)
        self._ended[number] = self._ended.get(number, Numbers()) + region.read().without_gauges()
        region.view[:] = bytes(REGION_BYTES)
        self._free.append(region.index)

    def of_place(self, number: int) -> Numbers:
        """All that was counted in a place, by whichever process."""
        total = self._ended.get(number, Numbers())
        for region in self._live.get(number, []):
            total += region.read()
        return total

    def living(self) -> Numbers:
        """What the processes that live have counted; gauges of those that were killed are gone."""
        total = Numbers()
        for regions in self._live.values():
            for region in regions:
                total += region.read()
        return total

    def total(self) -> Numbers:
        """All that was counted, also in places that were given up."""
        total = Numbers()
        for number in sorted({*self._ended, *self._live}):
            total += self.of_place(number)
        return total
