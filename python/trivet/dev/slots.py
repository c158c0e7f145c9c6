"""The places of workers, and how long each may take; starting and ending is the supervisor's."""

from __future__ import annotations

import os
from importlib.util import cache_from_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from trivet.dev.processes import Worker

#: An import that takes longer than this, and than three times the longest that went well, is taken
#: for an endless one. It is not ended: it may be a slow one.
HANG_SECONDS = 3.0
HANG_TIMES = 3.0
#: The first import has nothing to be compared with.
FIRST_HANG_SECONDS = 10.0

#: In the hands of a debugger an import stands still until its developer goes on, and every process
#: waits for the editor before it begins.
DEBUGGED_SECONDS = 86_400.0

#: A warm parent that keeps a worker waiting for longer than this, and than so many times the
#: longest load, is stuck in an import: it may lack what the app does before.
WARM_SECONDS = 3.0
WARM_TIMES = 3.0

#: The worker writes its stacks when that time is over; then they can be read.
STACKS_SECONDS = 0.2


class Slot:
    """The place of one worker."""

    def __init__(self, number: int) -> None:
        self.number = number
        #: Answers requests: the app, a page about its error, or a stand-in.
        self.serving: Worker | None = None
        #: Imports the app.
        self.loading: Worker | None = None
        #: Will answer in the place of `loading`, which hangs or has died.
        self.stand_in: Worker | None = None
        self.crashes = 0
        #: The warm worker that died or failed before this cold one was tried: what it told.
        self.suspicion = ""

    def all(self) -> list[Worker]:
        return [each for each in (self.serving, self.loading, self.stand_in) if each is not None]


def slots_for(workers: int | str, present: Sequence[Slot]) -> list[Slot]:
    """As many places as there are workers; those that are there stay."""
    count = workers if isinstance(workers, int) else 1
    return [present[n] if n < len(present) else Slot(n) for n in range(count)]


class Patience:
    """How long loading may take, by how long it took when it went well."""

    def __init__(self, *, debugged: bool = False) -> None:
        self._slowest_good_load = 0.0
        self._debugged = debugged

    def has_loaded(self, seconds: float) -> None:
        self._slowest_good_load = max(self._slowest_good_load, seconds)

    def hang_seconds(self) -> float:
        if self._debugged:
            return DEBUGGED_SECONDS
        if not self._slowest_good_load:
            return FIRST_HANG_SECONDS
        return max(HANG_SECONDS, HANG_TIMES * self._slowest_good_load)

    def hangs_at(self, worker: Worker) -> float:
        """The moment (monotonic) from which a worker that loads is taken for one that hangs."""
        if worker.is_warm and not worker.pid:
            return worker.began + max(WARM_SECONDS, WARM_TIMES * self._slowest_good_load)
        return worker.began + worker.order.patience_seconds + STACKS_SECONDS


def forget_bytecode(paths: Sequence[str]) -> None:
    """Remove what Python has cached of changed files.

    It takes a cache for current when size and time in whole seconds are the source's (PEP 3147
    and importlib): two saves in one second can be told apart by neither.
    """
    for path in paths:
        if path.endswith(".py"):
            try:
                os.unlink(cache_from_source(path))
            except (OSError, NotImplementedError):
                pass  # there is none, or this Python keeps none
