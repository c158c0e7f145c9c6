"""Whether the load asks for more workers or fewer; values only, following.py measures and acts.

More processes help in two cases: the processor time of the workers is used up, since Python runs
in one thread of a process at a time, or all their threads are busy. They do not help requests that
wait for a database while threads are free. So what is looked at is, for each worker: CPU time,
requests that wait for a thread, threads that wait for the interpreter, and busy threads.

A burst of a second is no reason. Workers are added quickly, when it has been tight for
TIGHT_SECONDS, and taken away slowly, one at a time, when for AMPLE_SECONDS one less would have
been enough with room to spare. Between the two bounds nothing happens.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Sequence

TIGHT_SECONDS = 3.0
AMPLE_SECONDS = 60.0

#: Of the workers that there are, one in so many is added at a time.
SHARE_AT_A_TIME = 4


class Reading:
    """What was measured over a while, of all workers together, in averages over that while."""

    __slots__ = ("busy", "contending", "cpu", "queueing")

    def __init__(
        self,
        *,
        cpu: float = 0.0,
        queueing: float = 0.0,
        contending: float = 0.0,
        busy: float = 0.0,
    ) -> None:
        #: CPUs that the workers have used; 0 where the system does not tell.
        self.cpu = cpu
        #: Requests that waited for a thread.
        self.queueing = queueing
        #: Threads that waited for the interpreter.
        self.contending = contending
        #: Requests that the application had.
        self.busy = busy


class Measure:
    """One way in which workers can be short. Above `tight` for each worker they are, and below
    `ample` they are not even with one worker less."""

    __slots__ = ("ample", "name", "of_threads", "text", "tight")

    def __init__(
        self, name: str, tight: float, ample: float, text: str, *, of_threads: bool = False
    ) -> None:
        self.name = name
        self.tight = tight
        self.ample = ample
        self.text = text
        #: The bounds are shares of the threads that a worker may have.
        self.of_threads = of_threads

    def for_each(self, reading: Reading, workers: int, threads: int) -> float:
        amount: float = getattr(reading, self.name)
        return amount / workers / (threads if self.of_threads else 1)


MEASURES: Sequence[Measure] = (
    Measure("cpu", 0.8, 0.5, "the workers use {:.0%} of a CPU each"),
    Measure("queueing", 0.5, 0.1, "{:.1f} requests wait for a thread of each worker"),
    Measure("contending", 0.5, 0.2, "{:.1f} threads of each worker wait for the interpreter"),
    Measure("busy", 0.8, 0.5, "{:.0%} of the threads are busy", of_threads=True),
)


class Wish:
    """So many workers, and why."""

    __slots__ = ("reason", "workers")

    def __init__(self, workers: int, reason: str) -> None:
        self.workers = workers
        self.reason = reason


class Load:
    """Remembers since when it has been tight, or ample. Clock times are any seconds that rise."""

    def __init__(self) -> None:
        self._tight_since: float | None = None
        self._ample_since: float | None = None

    def forget(self) -> None:
        """The number of workers has just changed, or is about to: what was before says nothing."""
        self._tight_since = self._ample_since = None

    def wish(
        self,
        reading: Reading,
        *,
        workers: int,
        least: int,
        most: int,
        threads: int,
        began: float,
        now: float,
    ) -> Wish | None:
        """Another number of workers, or None. The reading is of the time from `began` to `now`."""
        if not least <= workers <= most:
            self.forget()
            wanted = min(max(workers, least), most)
            return Wish(wanted, f"min_workers is {least} and max_workers is {most}")
        short = [
            measure
            for measure in MEASURES
            if measure.for_each(reading, workers, threads) >= measure.tight
        ]
        ample = workers > least and all(
            measure.for_each(reading, workers - 1, threads) < measure.ample for measure in MEASURES
        )
        self._tight_since = _since(self._tight_since, bool(short) and workers < most, began)
        self._ample_since = _since(self._ample_since, ample, began)
        if self._tight_since is not None and now - self._tight_since >= TIGHT_SECONDS:
            self.forget()
            more = max(1, workers // SHARE_AT_A_TIME)
            amount = short[0].for_each(reading, workers, threads)
            return Wish(min(most, workers + more), short[0].text.format(amount))
        if self._ample_since is not None and now - self._ample_since >= AMPLE_SECONDS:
            self.forget()
            return Wish(workers - 1, f"one less was enough for {AMPLE_SECONDS:g} s")
        return None


def _since(before: float | None, holds: bool, began: float) -> float | None:
    if not holds:
        return None
    return began if before is None else before
