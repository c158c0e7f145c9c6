"""Runs the measurements behind the bars, and writes what they gave as Markdown and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.bar_measurements import MEASUREMENTS, Effort, Found
from benchmarks.bars import BARS, Bar
from benchmarks.client import WrongAnswer
from benchmarks.crowd import CrowdFailed
from benchmarks.environments import CannotInstall
from benchmarks.processes import ServerFailed
from benchmarks.ratios import Spread, spread
from benchmarks.report import HowRun, markdown

# One measurement that fails takes its bars' values, not the table.
FAILURES = (
    CannotInstall,
    CrowdFailed,
    OSError,
    RuntimeError,
    ServerFailed,
    subprocess.CalledProcessError,
    ValueError,
    WrongAnswer,
)
NOT_HERE = "The bars for ASGI and for `trivet dev` are not of this table."


@dataclass(frozen=True)
class Result:
    """What was measured for one bar; without values the note says why."""

    bar: Bar
    values: Sequence[float]
    note: str

    @property
    def measured(self) -> Spread | None:
        """Median and range, None when nothing was measured."""
        return spread(self.values) if self.values else None

    @property
    def verdict(self) -> str:
        """The median decides."""
        if self.measured is None:
            return "not measured"
        return "met" if self.bar.met_by(self.measured.median) else "MISSED"


def measure_bars(names: Collection[str], effort: Effort) -> list[Result]:
    """Every named bar in the table's order; blocks for minutes when all are named."""
    wanted = frozenset(names)
    found: dict[str, Found] = {}
    for bar in BARS.values():
        if bar.name in wanted and bar.measurement not in found:
            print(f"measuring {bar.measurement.replace('_', ' ')}", file=sys.stderr)
            try:
                found[bar.measurement] = MEASUREMENTS[bar.measurement](effort, wanted)
            except FAILURES as error:
                missing = {
                    name: f"{type(error).__name__}: {error}"
                    for name in wanted
                    if BARS[name].measurement == bar.measurement
                }
                found[bar.measurement] = Found(missing=missing)
    return [_result(bar, found[bar.measurement]) for bar in BARS.values() if bar.name in wanted]


def bars_table(results: Sequence[Result], how: HowRun) -> str:
    """A Markdown table of the bars, and a list of what else was seen."""
    heads = ["what", "bar", "peer", "measured (min–max)", "", "command"]
    lines = [
        [
            result.bar.what,
            result.bar.text(),
            result.bar.peer,
            _measured(result),
            result.verdict,
            f"`{command_for(result.bar)}`",
        ]
        for result in results
    ]
    notes = [f"- {result.bar.name}: {result.note}" for result in results if result.note]
    met = sum(result.verdict == "met" for result in results)
    parts = [
        "## Bars",
        "",
        *markdown(heads, lines, text_columns=(0, 2, 4, 5)),
        "",
        f"{met} of {len(results)} met. {NOT_HERE}",
        "",
        *notes,
        "",
        how.sentence(),
        "",
    ]
    return "\n".join(parts)


def command_for(bar: Bar) -> str:
    """The command that measures just this bar."""
    return f"python -m benchmarks bars --row {bar.name}"


def write_bars_json(path: Path, results: Sequence[Result], how: HowRun) -> None:
    """Every value of every bar."""
    document = {
        "how": asdict(how),
        "bars": [
            {
                **asdict(result.bar),
                "values": list(result.values),
                "measured": asdict(result.measured) if result.measured else None,
                "verdict": result.verdict,
                "note": result.note,
                "command": command_for(result.bar),
            }
            for result in results
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _result(bar: Bar, found: Found) -> Result:
    note = found.notes.get(bar.name) or found.missing.get(bar.name, "")
    return Result(bar, found.values.get(bar.name, ()), " ".join(note.split()))


def _measured(result: Result) -> str:
    measured = result.measured
    if measured is None:
        return "—"
    if len(result.values) == 1:
        return result.bar.shown(measured.median)
    digits = result.bar.decimals
    low, high = f"{measured.low:,.{digits}f}", f"{measured.high:,.{digits}f}"
    return f"{result.bar.shown(measured.median)} ({low}–{high})"
