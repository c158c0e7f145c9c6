"""The metrics page: table of every metric, and the page as text; answering is not here.

Two formats have nearly the same lines: the text format 0.0.4 of Prometheus, and OpenMetrics 1.0,
in which a counter is announced without its `_total` and the page ends with a mark.
"""

from __future__ import annotations

from trivet.observe.counters import DURATION_BOUNDS, Numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Iterator, Mapping, Sequence

    #: The end of a name, labels and value of one line.
    Line = tuple[str, Mapping[str, str], float]
    Lines = Callable[["ServerState"], Iterator[Line]]

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

MICROSECONDS = 1_000_000


class WorkerState:
    """One worker process as the page tells of it; memory in bytes, 0 where it is not known."""

    __slots__ = ("number", "pid", "proportional_bytes", "ready", "resident_bytes")

    def __init__(
        self, number: int, pid: int, ready: bool, resident_bytes: int, proportional_bytes: int
    ) -> None:
        self.number = number
        self.pid = pid
        self.ready = ready
        self.resident_bytes = resident_bytes
        self.proportional_bytes = proportional_bytes


class ServerState:
    """All that the page is made from, at one moment."""

    __slots__ = ("numbers", "python", "restarts", "started", "version", "workers")

    def __init__(
        self,
        *,
        numbers: Numbers,
        workers: Sequence[WorkerState],
        restarts: Mapping[str, int],
        started: float,
        version: str,
        python: str,
    ) -> None:
        self.numbers = numbers
        self.workers = workers
        #: How often a worker was replaced, by reason.
        self.restarts = restarts
        #: Seconds since 1970.
        self.started = started
        self.version = version
        self.python = python


class Metric:
    """One metric: its name without `_total`, kind, help, and its lines."""

    __slots__ = ("help", "kind", "lines", "name")

    def __init__(self, name: str, kind: str, help: str, lines: Lines) -> None:
        self.name = name
        self.kind = kind
        self.help = help
        self.lines = lines

    @property
    def full_name(self) -> str:
        """The name by which a query asks for it; of a histogram, what its parts begin with."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def _counted(name: str, divided_by: int = 1) -> Lines:
    def lines(state: ServerState) -> Iterator[Line]:
        value = state.numbers[name]
        yield "", {}, value if divided_by == 1 else value / divided_by

    return lines


def _answers(state: ServerState) -> Iterator[Line]:
    for (method, status), count in state.numbers.answers().items():
        yield "", {"method": method, "status": status}, count


def _durations(row: str, total: str) -> Lines:
    def lines(state: ServerState) -> Iterator[Line]:
        counts, reached = state.numbers.row(row), 0
        for bound, count in zip((*DURATION_BOUNDS, None), counts, strict=True):
            reached += count
            edge = "+Inf" if bound is None else _number(bound / MICROSECONDS)
            yield "_bucket", {"le": edge}, reached
        yield "_sum", {}, state.numbers[total] / MICROSECONDS
        yield "_count", {}, reached

    return lines


def _in_flight(state: ServerState) -> Iterator[Line]:
    yield "", {}, state.numbers.in_flight


def _busy_threads(state: ServerState) -> Iterator[Line]:
    yield "", {}, max(0, state.numbers.in_flight - state.numbers["conversations"])


def _workers(state: ServerState) -> Iterator[Line]:
    yield "", {}, len(state.workers)


def _ready(state: ServerState) -> Iterator[Line]:
    yield "", {}, sum(worker.ready for worker in state.workers)


def _resident(state: ServerState) -> Iterator[Line]:
    for worker in state.workers:
        yield "", {"worker": str(worker.number), "pid": str(worker.pid)}, worker.resident_bytes


def _proportional(state: ServerState) -> Iterator[Line]:
    for worker in state.workers:
        yield "", {"worker": str(worker.number), "pid": str(worker.pid)}, worker.proportional_bytes


def _restarts(state: ServerState) -> Iterator[Line]:
    for reason, count in sorted(state.restarts.items()):
        yield "", {"reason": reason}, count


def _build(state: ServerState) -> Iterator[Line]:
    yield "", {"version": state.version, "python": state.python}, 1


def _started(state: ServerState) -> Iterator[Line]:
    yield "", {}, state.started


#: Every metric, in the order of the page.
METRICS = (
    Metric("trivet_build_info", "gauge", "Version of Trivet and of Python.", _build),
    Metric(
        "trivet_start_time_seconds", "gauge", "When the server was started, since 1970.", _started
    ),
    Metric(
        "trivet_requests",
        "counter",
        "Answered requests by method and status class; method none was refused unread.",
        _answers,
    ),
    Metric(
        "trivet_request_duration_seconds",
        "histogram",
        "From the call of the application to the end of its answer.",
        _durations("request_time", "request_microseconds"),
    ),
    Metric(
        "trivet_queue_duration_seconds",
        "histogram",
        "From the arrival of a request to an application thread that takes it.",
        _durations("queue_time", "queue_microseconds"),
    ),
    Metric(
        "trivet_proxy_queue_duration_seconds",
        "histogram",
        "From the time that a trusted proxy gives (X-Request-Start) to the arrival of a request.",
        _durations("proxy_queue_time", "proxy_queue_microseconds"),
    ),
    Metric("trivet_requests_in_flight", "gauge", "Requests in the application now.", _in_flight),
    Metric("trivet_threads", "gauge", "Application threads.", _counted("threads")),
    Metric("trivet_threads_busy", "gauge", "Application threads with a request.", _busy_threads),
    Metric(
        "trivet_threads_on_clients",
        "gauge",
        "Application threads that wait for a client to send or to take.",
        _counted("threads_on_clients"),
    ),
    Metric("trivet_connections", "gauge", "Open connections.", _counted("connections_open")),
    Metric(
        "trivet_conversations",
        "gauge",
        "Connections that the application has taken over, such as WebSockets.",
        _counted("conversations"),
    ),
    Metric(
        "trivet_connections_accepted",
        "counter",
        "Accepted connections.",
        _counted("connections_accepted"),
    ),
    Metric(
        "trivet_connections_shed",
        "counter",
        "Idle connections closed to make room for others.",
        _counted("connections_shed"),
    ),
    Metric(
        "trivet_accepts_failed",
        "counter",
        "Connections that could not be taken, for want of descriptors or memory.",
        _counted("accepts_failed"),
    ),
    Metric(
        "trivet_accepts_held_back",
        "counter",
        "Times that new connections had to wait, for want of descriptors or at the limit.",
        _counted("accepts_held_back"),
    ),
    Metric(
        "trivet_health_checks",
        "counter",
        "Health checks that the engine answered; not among the requests.",
        _counted("health_checks"),
    ),
    Metric(
        "trivet_requests_rejected",
        "counter",
        "Requests that were refused without the application.",
        _counted("requests_rejected"),
    ),
    Metric(
        "trivet_requests_turned_away",
        "counter",
        "Requests refused with 503 because too many waited for a thread; rejected, too.",
        _counted("requests_turned_away"),
    ),
    Metric(
        "trivet_requests_timed_out",
        "counter",
        "Requests answered with 504: they waited, or ran, for longer than the timeout.",
        _counted("requests_timed_out"),
    ),
    Metric(
        "trivet_requests_slow",
        "counter",
        "Requests whose stack was logged because they took long.",
        _counted("requests_slow"),
    ),
    Metric(
        "trivet_requests_abandoned",
        "counter",
        "Requests dropped because the client left while they waited for a thread.",
        _counted("requests_abandoned"),
    ),
    Metric(
        "trivet_answers_cut",
        "counter",
        "Answers cut because the client left or took nothing.",
        _counted("answers_cut"),
    ),
    Metric("trivet_received_bytes", "counter", "Bytes of requests.", _counted("bytes_received")),
    Metric("trivet_sent_bytes", "counter", "Bytes of answers.", _counted("bytes_sent")),
    Metric(
        "trivet_gil_wait_seconds",
        "counter",
        "Time that requests have waited for Python's lock before the application was called.",
        _counted("interpreter_wait_microseconds", MICROSECONDS),
    ),
    Metric("trivet_panics", "counter", "Faults in the engine itself.", _counted("panics")),
    Metric(
        "trivet_log_lines_lost",
        "counter",
        "Lines of the access log that nobody took in time.",
        _counted("log_lines_lost"),
    ),
    Metric("trivet_workers", "gauge", "Worker processes, also those that begin or end.", _workers),
    Metric("trivet_workers_ready", "gauge", "Worker processes that accept requests.", _ready),
    Metric(
        "trivet_worker_restarts", "counter", "Workers that were replaced, by reason.", _restarts
    ),
    Metric(
        "trivet_worker_resident_bytes",
        "gauge",
        "Memory of a worker with all pages that it shares (RSS).",
        _resident,
    ),
    Metric(
        "trivet_worker_proportional_bytes",
        "gauge",
        "Memory of a worker with its part of shared pages (PSS).",
        _proportional,
    ),
)


def wants_openmetrics(accept: str) -> bool:
    """Whether a scraper asks for OpenMetrics; Prometheus names it whenever it understands it."""
    return any(
        kind.split(";")[0].strip() == "application/openmetrics-text" for kind in accept.split(",")
    )


def render(state: ServerState, *, openmetrics: bool) -> bytes:
    """The page."""
    lines = []
    for metric in METRICS:
        announced = metric.name if openmetrics else metric.full_name
        lines.append(f"# HELP {announced} {metric.help}\n# TYPE {announced} {metric.kind}\n")
        for ending, labels, value in metric.lines(state):
            pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            shown = f"{{{pairs}}}" if pairs else ""
            lines.append(f"{metric.full_name}{ending}{shown} {_number(value)}\n")
    if openmetrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
