"""Let the number of workers follow the load, between min_workers and max_workers.

Looks once a second at the counters that all workers share, and at their CPU time; load.py decides.
A guest of the supervisor's loop: everything runs in its thread, and nothing is asked of a worker.
"""

from __future__ import annotations

import os
import time

from trivet.observe.counters import Numbers
from trivet.supervisor.load import Load, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

    from trivet.supervisor.loop import Supervisor

LOOK_SECONDS = 1.0
MICROSECONDS = 1_000_000


class Following:
    """Follows the load of one supervisor's workers, as long as its settings say so."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._load = Load()
        self._began = 0.0
        self._before = Numbers()
        self._cpu_before: Mapping[int, float] = {}
        #: The workers of the last look: what is measured of others cannot be compared.
        self._pids: frozenset[int] = frozenset()
        supervisor.at(time.monotonic() + LOOK_SECONDS, self._look)

    def _look(self) -> None:
        supervisor = self._supervisor
        settings = supervisor.crew.plan.settings
        if supervisor.is_ending or not settings.max_workers:
            supervisor.following = None
            return
        now = time.monotonic()
        supervisor.at(now + LOOK_SECONDS, self._look)
        children = [slot.child for slot in supervisor.crew.kept if slot.child is not None]
        pids = frozenset(child.pid for child in children)
        numbers, cpu = supervisor.counters.total(), cpu_seconds_of(pids)
        began, before, cpu_before = self._began, self._before, self._cpu_before
        same = pids == self._pids
        self._began, self._before, self._cpu_before, self._pids = now, numbers, cpu, pids
        # While workers come and go, what is measured is that.
        if not (same and self._is_settled()):
            self._load.forget()
            return
        reading = Reading(
            cpu=spent(cpu_before, cpu) / (now - began),
            queueing=_average("queue_microseconds", before, numbers, now - began),
            contending=_average("interpreter_wait_microseconds", before, numbers, now - began),
            busy=busy_threads(supervisor.counters.living()),
        )
        wish = self._load.wish(
            reading,
            workers=len(supervisor.crew.kept),
            least=settings.min_workers,
            most=settings.max_workers,
            threads=settings.threads,
            began=began,
            now=now,
        )
        if wish is not None:
            supervisor.scale(wish.workers, f"load: {wish.reason}")

    def _is_settled(self) -> bool:
        crew = self._supervisor.crew
        return all(slot.serves and slot.successor is None for slot in crew.kept)


def spent(before: Mapping[int, float], now: Mapping[int, float]) -> float:
    """The CPU seconds that processes which were there before have used since."""
    return sum(now[pid] - before[pid] for pid in now.keys() & before.keys())


def busy_threads(numbers: Numbers) -> float:
    """How many threads the application has now, of those that count against `threads`."""
    apart = numbers["conversations"] + numbers["threads_on_clients"]
    return max(0, numbers.in_flight - apart)


def _average(counter: str, before: Numbers, now: Numbers, seconds: float) -> float:
    """How many waited on average, from the time that all of them have waited."""
    return max(0, now[counter] - before[counter]) / MICROSECONDS / seconds


def cpu_seconds_of(pids: frozenset[int]) -> Mapping[int, float]:
    """The CPU time of each process so far (proc_pid_stat(5)); empty where the system does not
    tell."""
    found = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The name of the program, in parentheses, may hold anything.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        ticks = int(fields[11]) + int(fields[12])  # utime and stime, from the state on
        found[pid] = ticks / os.sysconf("SC_CLK_TCK")
    return found
