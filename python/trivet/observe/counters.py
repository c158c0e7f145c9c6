"""What is counted and measured while serving: names, order in memory, meanings; writing is Rust's.

The engine adds to numbers of 64 bits that lie in memory which the supervisor shares with its
workers (shared_memory.py). This table says which number is where; a contract test compares it with
the compiled layout.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping, Sequence

#: Rows of `answers`: methods by name, all others, and what was refused before it had a method.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "other", "none")
#: Columns of `answers`; "none" is for a client that left before there was a status.
STATUS_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
#: Upper bounds of the buckets of a histogram, in microseconds; a last bucket has what is above.
DURATION_BOUNDS = (
    *(500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000),
    *(1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000),
)

#: Exact statuses that are counted: so many from FIRST_STATUS on.
FIRST_STATUS, STATUSES = 100, 500

ANSWERS_WIDTH = len(METHODS) * len(STATUS_CLASSES)
HISTOGRAM_WIDTH = len(DURATION_BOUNDS) + 1


class Counter:
    """One row: `width` numbers in memory. A gauge says how it is now and can fall; the others only
    rise, and what a process has counted is kept when the process has ended."""

    __slots__ = ("gauge", "meaning", "name", "width")

    def __init__(self, name: str, meaning: str, *, width: int = 1, gauge: bool = False) -> None:
        self.name = name
        self.meaning = meaning
        self.width = width
        self.gauge = gauge


#: Everything that the engine counts, in the order in which it lies in memory.
COUNTERS = (
    Counter("connections_accepted", "connections accepted"),
    Counter("connections_open", "connections that are open", gauge=True),
    Counter("requests_begun", "requests that were handed to the application"),
    Counter("requests", "requests that the application is done with"),
    Counter("accepts_failed", "times that no connection could be taken: no descriptors or memory"),
    Counter("accepts_held_back", "times that new connections had to wait for others to end"),
    Counter("connections_shed", "idle connections closed to make room for new ones"),
    Counter("proxy_headers_refused", "connections closed for want of a valid PROXY header"),
    Counter("health_checks", "health checks that the engine answered"),
    Counter("requests_rejected", "requests that the engine refused"),
    Counter("requests_turned_away", "requests refused because too many waited for a thread"),
    Counter("threads_on_clients", "threads that wait for a client", gauge=True),
    Counter("steals", "requests during which the token was taken from a blocked thread"),
    Counter("mode_changes", "changes between early and late release of the token"),
    Counter("interpreter_wait_microseconds", "time that requests have waited for the GIL"),
    Counter("threads", "application threads", gauge=True),
    Counter("conversations", "connections that the application has taken over", gauge=True),
    Counter("bytes_received", "bytes read from clients"),
    Counter("bytes_sent", "bytes of answers"),
    Counter("answers_cut", "answers cut because the client left or took nothing"),
    Counter("requests_timed_out", "requests that waited or ran for longer than the timeout"),
    Counter("requests_abandoned", "requests whose client left while they waited for a thread"),
    Counter("requests_slow", "requests that were told of as slow"),
    Counter("interpreter_stuck", "times that something held the GIL when a request was late"),
    Counter("panics", "faults in the engine, each answered with 500"),
    Counter("log_lines_lost", "lines of the access log that nobody took in time"),
    Counter("log_warnings", "warnings in the logs of workers"),
    Counter("log_errors", "errors in the logs of workers"),
    Counter("request_microseconds", "durations of all requests, added up"),
    Counter("queue_microseconds", "waits for an application thread, added up"),
    Counter("proxy_queue_microseconds", "waits in front of the server, added up"),
    Counter("answers", "answers by method and status class", width=ANSWERS_WIDTH),
    Counter("request_time", "requests by duration", width=HISTOGRAM_WIDTH),
    Counter("queue_time", "requests by wait for an application thread", width=HISTOGRAM_WIDTH),
    Counter("statuses", "answers by exact status, from 100 on", width=STATUSES),
    Counter("proxy_queue_time", "requests by wait in front of the server", width=HISTOGRAM_WIDTH),
)

#: How many numbers there are.
WIDTH = sum(counter.width for counter in COUNTERS)


def _places() -> dict[str, slice]:
    places, start = {}, 0
    for counter in COUNTERS:
        places[counter.name] = slice(start, start + counter.width)
        start += counter.width
    return places


#: Where the numbers of each counter are.
PLACES: Mapping[str, slice] = _places()

#: For each number whether it only rises.
RISES = tuple(not counter.gauge for counter in COUNTERS for _ in range(counter.width))


class Numbers:
    """The numbers of one process, or of several together, at one moment."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[int] = (0,) * WIDTH) -> None:
        self.values = tuple(values)

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers([one + two for one, two in zip(self.values, other.values, strict=True)])

    def __getitem__(self, name: str) -> int:
        """A single number by its name."""
        (value,) = self.row(name)
        return value

    def row(self, name: str) -> tuple[int, ...]:
        """The numbers of a counter that has several."""
        return self.values[PLACES[name]]

    def without_gauges(self) -> Numbers:
        """What stays of a process that has ended."""
        pairs = zip(self.values, RISES, strict=True)
        return Numbers([value if rises else 0 for value, rises in pairs])

    def answers(self) -> dict[tuple[str, str], int]:
        """Answers by method and class of status, where there was any."""
        row = iter(self.row("answers"))
        cells = {(method, status): next(row) for method in METHODS for status in STATUS_CLASSES}
        return {cell: count for cell, count in cells.items() if count}

    def statuses(self) -> dict[int, int]:
        """Answers by exact status, where there was any."""
        row = enumerate(self.row("statuses"), FIRST_STATUS)
        return {status: count for status, count in row if count}

    @property
    def in_flight(self) -> int:
        """Requests that the application has now."""
        return max(0, self["requests_begun"] - self["requests"])
