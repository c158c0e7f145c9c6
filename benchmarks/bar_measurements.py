"""What gives the bars their values: each function measures, and returns values by bar.

A value is measured once per round where there are rounds; the note says what else was seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.bars import BARS
from benchmarks.count import count_instructions, count_system_calls
from benchmarks.footprint import at_rest, memory, start_above_import
from benchmarks.in_process import app_microseconds
from benchmarks.interleave import Contestant, Measured, interleave
from benchmarks.load import run_load
from benchmarks.peers import PEERS
from benchmarks.ratios import Turn, pairwise_ratios
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.serving import running
from benchmarks.traced_calls import CannotTrace, calls_under_load

TRIVET = PEERS["trivet"]
HELLO = SCENARIOS["hello"]
STRACE_REMARK = (
    "under strace {calls:.2f}: it stops threads at each call, which looks like sleep to the "
    "scheduler, so its futex and getrusage calls are not those of production"
)


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds of turns of some seconds."""

    rounds: int
    seconds: float


@dataclass
class Found:
    """Values by bar, remarks by bar, and why other bars have no value."""

    values: dict[str, Sequence[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


Measurement = Callable[[Effort, frozenset[str]], Found]


def instructions(effort: Effort, wanted: frozenset[str]) -> Found:
    """callgrind over 1,024 requests."""
    return Found({"instructions": [count_instructions(HELLO, TRIVET, requests=1024)]})


def system_calls(effort: Effort, wanted: frozenset[str]) -> Found:
    """perf once per round, and strace once."""
    traced = count_system_calls(HELLO, TRIVET)
    by_name = sorted(traced.by_name.items(), key=lambda item: -item[1])
    most = ", ".join(f"{name} {count:.2f}" for name, count in by_name[:4])
    remark = f"{STRACE_REMARK.format(calls=traced.per_request)} ({most})"
    try:
        values = _perf_values(effort)
    except CannotTrace as error:
        return Found({"system-calls": [traced.per_request]}, {"system-calls": f"{error}; {remark}"})
    return Found({"system-calls": values}, {"system-calls": remark})


def hello(effort: Effort, wanted: frozenset[str]) -> Found:
    """Trivet beside the peers of the wanted bars."""
    bars = [bar for bar in BARS.values() if bar.name in wanted and bar.measurement == "hello"]
    peers = ["trivet", *(bar.peer for bar in bars)]
    measured = _interleaved([Contestant(name, PEERS[name], HELLO) for name in peers], effort)
    found = Found()
    for bar in bars:
        _ratio(found, bar.name, measured, "trivet", bar.peer)
    return found


def flask_hello(effort: Effort, wanted: frozenset[str]) -> Found:
    """(cost(Flask hello) − cost(calling the app)) ÷ cost(floor), each of the same round."""
    scenario = SCENARIOS["flask-hello"]
    in_process: list[float] = []
    measured = _interleaved(
        [Contestant("trivet", TRIVET, scenario), Contestant("floor", PEERS["floor"], scenario)],
        effort,
        after_round=lambda: in_process.append(app_microseconds(scenario)),
    )
    if measured.left_out:
        return Found(missing={"flask-hello": _reasons(measured)})
    ours = [turn.cpu_microseconds_per_request for turn in measured.turns["trivet"]]
    floor = [turn.cpu_microseconds_per_request for turn in measured.turns["floor"]]
    values = [
        (whole - app) / least for whole, app, least in zip(ours, in_process, floor, strict=True)
    ]
    note = (
        f"Trivet {median(ours):.1f} µs, the app alone {median(in_process):.1f} µs, "
        f"floor {median(floor):.1f} µs"
    )
    return Found({"flask-hello": values}, {"flask-hello": note})


def threads(effort: Effort, wanted: frozenset[str]) -> Found:
    """32 threads against one, on a view that only computes."""
    many, one = "trivet-32-threads", "trivet-1-threads"
    measured = _interleaved(
        [Contestant(name, PEERS[name], SCENARIOS["cpu"]) for name in (many, one)], effort
    )
    found = Found()
    _ratio(found, "threads-cpu", measured, many, one)
    _p99_ratio(found, "threads-p99", measured, many, one)
    return found


def sleep(effort: Effort, wanted: frozenset[str]) -> Found:
    """Requests per second when each sleeps 10 ms; and with four times the connections."""
    measured = _interleaved(
        [
            Contestant("64 connections", TRIVET, SCENARIOS["sleep"]),
            Contestant("256 connections", TRIVET, SCENARIOS["sleep-256"]),
        ],
        effort,
    )
    if "64 connections" not in measured.turns:
        return Found(missing={"sleep": _reasons(measured)})
    found = Found(
        {"sleep": [turn.requests_per_second for turn in measured.turns["64 connections"]]}
    )
    of_256 = measured.turns.get("256 connections")
    if of_256:
        per_second = median(turn.requests_per_second for turn in of_256)
        found.notes["sleep"] = f"{per_second:,.0f} requests/s with 256 connections"
    return found


def fast_beside_slow(effort: Effort, wanted: frozenset[str]) -> Found:
    """p99 and CPU of fast requests with and without the slow ones."""
    name = "fast-beside-slow"
    measured = _with_and_without("fast-beside-slow", "fast", effort)
    found = Found()
    _p99_ratio(found, name, measured, "with", "without")
    if name in found.values:
        cpu = median(pairwise_ratios(measured.turns["with"], measured.turns["without"]))
        found.notes[name] += f"; CPU per request × {cpu:.2f}"
    return found


def idle_connections(effort: Effort, wanted: frozenset[str]) -> Found:
    """Memory of each idle connection, and CPU per request beside them."""
    measured = _with_and_without("idle-connections", "hello", effort)
    found = Found()
    _ratio(found, "idle-cpu-per-request", measured, "with", "without")
    if "with" in measured.bytes_per_crowd_connection:
        found.values["idle-memory"] = [measured.bytes_per_crowd_connection["with"]]
    else:
        found.missing["idle-memory"] = _reasons(measured)
    return found


def half_sent(effort: Effort, wanted: frozenset[str]) -> Found:
    """CPU of 32 active connections with and without 9,000 half-sent requests; p99 is the remark."""
    measured = _with_and_without("half-sent", "active-32", effort)
    found = Found()
    _ratio(found, "half-sent", measured, "with", "without")
    if "half-sent" in found.values:
        p99 = [_p99(measured.turns[name]) for name in ("with", "without")]
        each = measured.bytes_per_crowd_connection["with"]
        found.notes["half-sent"] += (
            f"; p99 {p99[0]:.2f} ms against {p99[1]:.2f} ms; {each:,.0f} B of memory for each half"
        )
    return found


def start(effort: Effort, wanted: frozenset[str]) -> Found:
    """Start to first 200, twice per round: it is short and varies."""
    return Found({"start": start_above_import(TRIVET, HELLO, times=2 * effort.rounds)})


def memory_of_worker(effort: Effort, wanted: frozenset[str]) -> Found:
    """PSS of the worker; the whole server's is the remark."""
    seen = memory(TRIVET, HELLO, times=min(3, effort.rounds))
    whole = median(whole for _, whole in seen)
    return Found(
        {"memory": [worker / 1e6 for worker, _ in seen]},
        {"memory": f"with its supervisor {whole / 1e6:.1f} MB"},
    )


def idle(effort: Effort, wanted: frozenset[str]) -> Found:
    """CPU of a server that hears nothing for as long as one bar's rounds take."""
    rest = at_rest(TRIVET, HELLO, seconds=effort.rounds * effort.seconds)
    calls = rest.system_calls_per_second
    note = rest.why_not_counted if calls is None else f"{calls:.1f} system calls per second"
    return Found({"idle": [rest.cpu_microseconds_per_second]}, {"idle": note})


MEASUREMENTS: Mapping[str, Measurement] = {
    "instructions": instructions,
    "system_calls": system_calls,
    "hello": hello,
    "flask_hello": flask_hello,
    "threads": threads,
    "sleep": sleep,
    "fast_beside_slow": fast_beside_slow,
    "idle_connections": idle_connections,
    "half_sent": half_sent,
    "start": start,
    "memory": memory_of_worker,
    "idle": idle,
}


def _interleaved(
    contestants: Sequence[Contestant],
    effort: Effort,
    after_round: Callable[[], None] = lambda: None,
) -> Measured:
    return interleave(
        contestants, rounds=effort.rounds, seconds=effort.seconds, after_round=after_round
    )


def _with_and_without(crowded: str, alone: str, effort: Effort) -> Measured:
    return _interleaved(
        [
            Contestant("with", TRIVET, SCENARIOS[crowded]),
            Contestant("without", TRIVET, SCENARIOS[alone]),
        ],
        effort,
    )


def _ratio(found: Found, bar: str, measured: Measured, ours: str, theirs: str) -> None:
    if measured.left_out.keys() & {ours, theirs}:
        found.missing[bar] = _reasons(measured)
        return
    first, second = measured.turns[ours], measured.turns[theirs]
    found.values[bar] = pairwise_ratios(first, second)
    found.notes[bar] = f"{_cpu(first):.1f} µs against {_cpu(second):.1f} µs{_errors(first)}"


def _p99_ratio(found: Found, bar: str, measured: Measured, ours: str, theirs: str) -> None:
    if measured.left_out.keys() & {ours, theirs}:
        found.missing[bar] = _reasons(measured)
        return
    first, second = measured.turns[ours], measured.turns[theirs]
    found.values[bar] = [
        one.p99_seconds / other.p99_seconds for one, other in zip(first, second, strict=True)
    ]
    found.notes[bar] = f"{_p99(first):.2f} ms against {_p99(second):.2f} ms{_errors(first)}"


def _cpu(turns: Sequence[Turn]) -> float:
    return median(turn.cpu_microseconds_per_request for turn in turns)


def _p99(turns: Sequence[Turn]) -> float:
    return median(turn.p99_seconds for turn in turns) * 1e3


def _errors(turns: Sequence[Turn]) -> str:
    errors = sum(turn.errors for turn in turns)
    return f", {errors} errors" if errors else ""


def _reasons(measured: Measured) -> str:
    return "; ".join(f"{label}: {reason}" for label, reason in measured.left_out.items())


def _perf_values(effort: Effort, scenario: Scenario = HELLO) -> list[float]:
    with (
        tempfile.TemporaryDirectory(prefix="trivet-perf-") as name,
        running(TRIVET, scenario, Path(name)) as server,
    ):
        run_load(scenario, port=server.port, seconds=1, directory=Path(name))  # warms up
        return [
            calls_under_load(server, scenario, Path(name), seconds=effort.seconds)
            for _ in range(effort.rounds)
        ]
