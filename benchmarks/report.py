"""What a comparison prints and stores: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.interleave import Measured
from benchmarks.ratios import Row, Spread


@dataclass(frozen=True)
class HowRun:
    """What one must know to read or repeat the numbers."""

    rounds: int
    seconds: float
    pinned: bool
    python: str
    machine: str
    cpus: int

    @classmethod
    def here(cls, *, rounds: int, seconds: float, pinned: bool) -> HowRun:
        """This machine, as a run with these numbers."""
        return cls(
            rounds=rounds,
            seconds=seconds,
            pinned=pinned,
            python=platform.python_version(),
            machine=f"{platform.machine()}, Linux {platform.release()}",
            cpus=os.cpu_count() or 1,
        )

    def sentence(self) -> str:
        """One line that goes under each table and plot."""
        where = "server on one CPU, client on another" if self.pinned else "not pinned"
        return (
            f"{self.rounds} interleaved rounds of {self.seconds:g} s, {where}; "
            f"CPython {self.python}, {self.machine}, {self.cpus} CPUs"
        )


def table(
    title: str,
    rows: Sequence[Row],
    reference: str,
    how: HowRun,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A Markdown table that also reads well on a terminal.

    Peers that were left out have a row without numbers, and their reasons below.
    """
    heads = [
        "peer",
        "CPU µs/request",
        f"{reference} ÷ peer (min–max)",
        "requests/s",
        "p99 ms",
        "errors",
    ]
    lines = [
        [
            row.peer,
            f"{row.cpu_microseconds.median:.1f}",
            _ratio(row.ratio),
            f"{row.requests_per_second.median:,.0f}",
            f"{row.p99_milliseconds.median:.1f}",
            str(row.errors),
        ]
        for row in rows
    ]
    lines += [[peer, *["not measured"] + [""] * 4] for peer in left_out]
    reasons = [f"- {peer} not measured: {' '.join(why.split())}" for peer, why in left_out.items()]
    if reasons:
        reasons.append("")
    return "\n".join(
        [f"### {title}", "", *markdown(heads, lines), "", *reasons, how.sentence(), ""]
    )


def markdown(
    heads: Sequence[str], lines: Sequence[Sequence[str]], text_columns: Sequence[int] = (0,)
) -> list[str]:
    """The lines of a Markdown table; columns fit their longest cell, numbers are to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    rule = [
        "-" * width if column in text_columns else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]

    def joined(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column in text_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    return [joined(heads), joined(rule), *(joined(line) for line in lines)]


def write_json(
    path: Path, measured: Mapping[str, Measured], rows: Mapping[str, Sequence[Row]], how: HowRun
) -> None:
    """Every turn of every peer and scenario, their rows, and who was left out and why."""
    document = {
        "how": asdict(how),
        "scenarios": {
            scenario: {"rows": [asdict(row) for row in rows[scenario]], **asdict(seen)}
            for scenario, seen in measured.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _ratio(ratio: Spread | None) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})" if ratio else ""
