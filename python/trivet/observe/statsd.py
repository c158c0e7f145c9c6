"""Statistics as lines for a statsd server: their names, and what happened between two moments.

Names, behind the prefix, are those of gunicorn where it has them, so that dashboards go on; the
others are those of the metrics page without `trivet_`. Sending is not here.

A timer in statsd is a number for each request, and there are only histograms here. So at most a
hundred durations stand for all, spread evenly over them, each with the sample rate that makes their
count right: percentiles come out the same whether a server gives weight to sample rates or not.
"""

from __future__ import annotations

from trivet.observe.counters import DURATION_BOUNDS, Numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator, Mapping, Sequence

#: Durations that stand for all of one second.
MOST_SAMPLES = 100

#: Bytes of a datagram that no network on the way cuts: an Ethernet frame, less the headers of IPv6
#: and UDP and something for tunnels.
DATAGRAM_BYTES = 1_400

#: The same on a Unix socket, where few datagrams may wait (unix(7), max_dgram_qlen), and what
#: agents of DogStatsD read at once.
UNIX_DATAGRAM_BYTES = 8_192

#: Statistic → counter. Sent as what was added since the last time.
COUNTS: Mapping[str, str] = {
    "requests_rejected": "requests_rejected",
    "requests_turned_away": "requests_turned_away",
    "requests_timed_out": "requests_timed_out",
    "requests_slow": "requests_slow",
    "requests_abandoned": "requests_abandoned",
    "health_checks": "health_checks",
    "answers_cut": "answers_cut",
    "connections_accepted": "connections_accepted",
    "received_bytes": "bytes_received",
    "sent_bytes": "bytes_sent",
}
#: The same for the logs, whose messages the supervisor counts on its own.
LOGS: Mapping[str, str] = {"log.warning": "warning", "log.error": "error"}
#: Statistic → counter. Sent as it is now.
GAUGES: Mapping[str, str] = {
    "threads": "threads",
    "connections": "connections_open",
    "conversations": "conversations",
}
#: Statistic → histogram.
TIMERS: Mapping[str, str] = {"request.duration": "request_time", "queue.duration": "queue_time"}


class Moment:
    """What is told of one moment: the counters of workers, and what the supervisor knows."""

    __slots__ = ("logged", "numbers", "ready", "restarts", "workers")

    def __init__(
        self,
        numbers: Numbers,
        workers: int = 0,
        ready: int = 0,
        restarts: Mapping[str, int] | None = None,
        logged: Mapping[str, int] | None = None,
    ) -> None:
        self.numbers = numbers
        self.workers = workers
        self.ready = ready
        #: How often a worker was replaced, by reason.
        self.restarts = dict(restarts or {})
        #: Messages of the supervisor's log, by level.
        self.logged = dict(logged or {})


def lines(before: Moment, now: Moment) -> list[str]:
    """What is to be sent of the time between two moments, without prefix and tags."""
    counted = [f"{name}:{more}|c" for name, more in _counts(before, now) if more > 0]
    gauges = [f"{name}:{value}|g" for name, value in _gauges(now)]
    timers = [
        f"{name}:{milliseconds:g}|ms" + ("" if rate == 1 else f"|@{rate:.6g}")
        for name, row in TIMERS.items()
        for milliseconds, rate in samples(_added(before.numbers.row(row), now.numbers.row(row)))
    ]
    return counted + gauges + timers


def _counts(before: Moment, now: Moment) -> Iterator[tuple[str, int]]:
    first, last = before.numbers, now.numbers
    yield "requests", sum(_added(first.row("answers"), last.row("answers")))
    known = first.statuses()
    for status, count in last.statuses().items():
        yield f"request.status.{status}", count - known.get(status, 0)
    for name, counter in COUNTS.items():
        yield name, last[counter] - first[counter]
    for name, level in LOGS.items():
        in_workers = last[f"log_{level}s"] - first[f"log_{level}s"]
        yield name, in_workers + now.logged.get(level, 0) - before.logged.get(level, 0)
    for reason, count in now.restarts.items():
        yield f"worker_restarts.{reason}", count - before.restarts.get(reason, 0)


def _gauges(now: Moment) -> Iterator[tuple[str, int]]:
    yield "workers", now.workers
    yield "workers_ready", now.ready
    yield "requests_in_flight", now.numbers.in_flight
    yield "threads_busy", max(0, now.numbers.in_flight - now.numbers["conversations"])
    for name, counter in GAUGES.items():
        yield name, now.numbers[counter]


def _added(before: Sequence[int], now: Sequence[int]) -> list[int]:
    return [max(0, last - first) for first, last in zip(before, now, strict=True)]


def samples(counts: Sequence[int]) -> list[tuple[float, float]]:
    """Durations in milliseconds that stand for a histogram, each with its sample rate."""
    total = sum(counts)
    chosen = min(total, MOST_SAMPLES)
    return [(_at_rank(counts, (n + 0.5) * total / chosen), chosen / total) for n in range(chosen)]


def _at_rank(counts: Sequence[int], rank: float) -> float:
    """The duration that so many of all are below, evenly within its bucket, in milliseconds."""
    lower = 0
    for bound, count in zip(DURATION_BOUNDS, counts, strict=False):
        if rank < count:
            return (lower + (bound - lower) * rank / count) / 1000
        rank -= count
        lower = bound
    return lower / 1000  # what is above the last bound is at least that


def datagrams(
    told: Sequence[str], prefix: str, tags: str, most_bytes: int = DATAGRAM_BYTES
) -> list[bytes]:
    """The lines with prefix and tags, as many in a datagram as fit."""
    beginning = f"{prefix}." if prefix else ""
    end = f"|#{tags}" if tags else ""
    made: list[bytes] = []
    for line in told:
        encoded = f"{beginning}{line}{end}".encode("ascii", "replace")
        if made and len(made[-1]) + 1 + len(encoded) <= most_bytes:
            made[-1] += b"\n" + encoded
        else:
            made.append(encoded)
    return made
