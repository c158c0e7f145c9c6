"""The bars of DESIGN.md that speak of WSGI, start, memory and idleness: data, read by the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Differences of less are not differences on a shared machine; "no effect" means below it.
NO_DIFFERENCE = 1.05
# "No CPU": room for one short wake-up a second (20 to 50 µs of Python), and for no more than two.
NO_CPU_MICROSECONDS_PER_SECOND = 100.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One number that Trivet must reach. `measurement` is the function that gives it, and others.

    The value is compared with `limit` in `unit`; `decimals` are shown.
    """

    name: str
    what: str
    limit: float
    direction: Literal["≤", "≥"] = "≤"
    unit: str = ""
    peer: str = "—"
    decimals: int = 2
    measurement: str

    def text(self) -> str:
        """The bar for people: "≤ 0.85", "≥ 6,080 requests/s"."""
        return f"{self.direction} {self.shown(self.limit)}"

    def shown(self, value: float) -> str:
        """A value in this bar's unit."""
        return f"{value:,.{self.decimals}f}{' ' + self.unit if self.unit else ''}"

    def met_by(self, value: float) -> bool:
        """Is it reached?"""
        return value <= self.limit if self.direction == "≤" else value >= self.limit


_HELLO = "hello, 64 connections"

_ALL = (
    Bar(
        name="instructions",
        what=f"{_HELLO}: user instructions per request (callgrind)",
        limit=16_000,
        decimals=0,
        measurement="instructions",
    ),
    Bar(
        name="system-calls",
        what=f"{_HELLO}: system calls per request (perf; strace where perf cannot)",
        limit=2.05,
        measurement="system_calls",
    ),
    *(
        Bar(
            name=f"hello-{peer}",
            what=f"{_HELLO}: CPU per request ÷ the peer's",
            limit=limit,
            peer=peer,
            decimals=decimals,
            measurement="hello",
        )
        for peer, limit, decimals in (
            ("bjoern", 0.85, 2),
            ("granian", 0.60, 2),
            ("gunicorn-gthread", 0.08, 3),
            ("floor", 1.35, 2),
        )
    ),
    Bar(
        name="flask-hello",
        what="Flask hello: (CPU per request − calling the app in-process) ÷ the floor",
        limit=1.5,
        peer="floor",
        measurement="flask_hello",
    ),
    Bar(
        name="threads-cpu",
        what="35 µs of Python, 32 threads configured: CPU per request ÷ threads=1",
        limit=1.08,
        peer="trivet-1-threads",
        measurement="threads",
    ),
    Bar(
        name="threads-p99",
        what="the same: p99 ÷ threads=1",
        limit=1.5,
        peer="trivet-1-threads",
        measurement="threads",
    ),
    Bar(
        name="sleep",
        what="view that sleeps 10 ms, default threads, 64 connections (95 % of 6,400)",
        limit=6_080,
        direction="≥",
        unit="requests/s",
        decimals=0,
        measurement="sleep",
    ),
    Bar(
        name="fast-beside-slow",
        what="fast view while 32 of 1 s are in flight: p99 ÷ without them",
        limit=2.0,
        measurement="fast_beside_slow",
    ),
    Bar(
        name="idle-memory",
        what="10,000 idle keep-alive connections: worker's memory for each",
        limit=1024,
        unit="B",
        decimals=0,
        measurement="idle_connections",
    ),
    Bar(
        name="idle-cpu-per-request",
        what="10,000 idle keep-alive connections: CPU per request ÷ without them (no effect)",
        limit=NO_DIFFERENCE,
        measurement="idle_connections",
    ),
    Bar(
        name="half-sent",
        what="9,000 half-sent requests beside 32 active: CPU per request ÷ without (no effect)",
        limit=NO_DIFFERENCE,
        measurement="half_sent",
    ),
    Bar(
        name="start",
        what='start to first 200, above `python -c "import app"`',
        limit=60,
        unit="ms",
        decimals=0,
        measurement="start",
    ),
    Bar(
        name="memory",
        what="worker with the hello app, PSS",
        limit=12.0,
        unit="MB",
        decimals=1,
        measurement="memory",
    ),
    Bar(
        name="idle",
        what="idle server, all processes: CPU per second (none: at most two short wake-ups)",
        limit=NO_CPU_MICROSECONDS_PER_SECOND,
        unit="µs",
        decimals=0,
        measurement="idle",
    ),
)

BARS: Mapping[str, Bar] = {bar.name: bar for bar in _ALL}
