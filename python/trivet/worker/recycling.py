"""When a worker asks to be replaced: after so many requests, or above so much memory; not by age.

Nothing here wakes an idle worker: the engine counts, and tells after a number of requests.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from trivet.settings.table import Settings

    class CountingEngine(Protocol):
        """What this module needs of trivet.engine.serve.Engine."""

        def tell_after_requests(self, count: int) -> None: ...
        def stats(self) -> Mapping[str, int]: ...


#: Memory is looked at about once so many seconds, as far as requests come at an even rate. A look
#: takes some microseconds, and where most pages are shared with others about a millisecond.
LOOK_SECONDS = 1.0

#: But no later than after so many requests: the rate may fall.
MOST_REQUESTS_BETWEEN_LOOKS = 500


class Recycling:
    """Watches one worker; calls `retire` once with the reason. Runs in the worker's main thread."""

    def __init__(
        self,
        engine: CountingEngine,
        settings: Settings,
        retire: Callable[[str], None],
        *,
        memory: Callable[[int], int] | None = None,
    ) -> None:
        self._engine = engine
        self._retire = retire
        self._memory = memory or memory_beyond
        self._most_memory = settings.max_memory
        self._most_requests = settings.max_requests
        if self._most_requests:
            self._most_requests += random_below(settings.max_requests_jitter + 1)
        self._asked = not (self._most_requests or self._most_memory)
        self._answered = 0
        self._looked = time.monotonic()

    def begin(self) -> None:
        """Before the first request; does nothing when no limit is set."""
        self._wait(1)

    def look(self) -> None:
        """Call when the engine has told something: see whether a limit is reached."""
        if self._asked:
            return
        answered = self._engine.stats()["requests"]
        if answered == self._answered:
            return  # it had something else to tell
        reason = self._reason(answered)
        if reason:
            self._asked = True
            self._retire(reason)
            return
        now = time.monotonic()
        since = answered - self._answered
        rate = since / max(now - self._looked, 0.001)
        self._answered, self._looked = answered, now
        # Two requests in a millisecond are no thousand a second: it grows step by step.
        most = min(MOST_REQUESTS_BETWEEN_LOOKS, 2 * since)
        self._wait(min(most, max(1, int(rate * LOOK_SECONDS))))

    def _wait(self, between_looks: int) -> None:
        if self._asked:
            return
        left = self._most_requests - self._answered if self._most_requests else between_looks
        self._engine.tell_after_requests(min(left, between_looks) if self._most_memory else left)

    def _reason(self, answered: int) -> str:
        if self._most_requests and answered >= self._most_requests:
            return f"it has answered {answered} requests (max_requests)"
        if self._most_memory:
            memory = self._memory(self._most_memory)
            if memory > self._most_memory:
                return f"it uses {memory >> 20} MiB of memory (max_memory)"
        return ""


def random_below(limit: int) -> int:
    """A number from 0 to below the limit; `random` costs milliseconds to import."""
    return int.from_bytes(os.urandom(8), "little") % limit


def memory_beyond(limit: int) -> int:
    """The bytes that this process uses, as far as they tell whether that is beyond a limit.

    Pages that are shared with other workers count in part (PSS of proc_pid_smaps(5)). Adding that
    up takes the kernel some time, so it is asked only when all pages together (RSS) are too much.
    """
    resident = resident_bytes()
    if resident <= limit:
        return resident
    return proportional_bytes() or resident


def resident_bytes() -> int:
    """All pages of this process that are in memory; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def proportional_bytes() -> int:
    """As resident_bytes, but each page divided among the processes that have it; 0 unknown."""
    try:
        with open("/proc/self/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
