"""The table of bars: rows name things that exist, verdicts, Markdown, failing measurements."""

import json
from pathlib import Path

import pytest

from benchmarks import bars_table
from benchmarks.bar_measurements import MEASUREMENTS, Effort, Found
from benchmarks.bars import BARS
from benchmarks.peers import PEERS
from benchmarks.processes import ServerFailed
from benchmarks.report import HowRun

HOW = HowRun(rounds=1, seconds=2, pinned=False, python="3.11.7", machine="x86_64", cpus=2)
EFFORT = Effort(rounds=1, seconds=1)


def test_every_bar_has_its_measurement_and_every_measurement_a_bar() -> None:
    assert {bar.measurement for bar in BARS.values()} == MEASUREMENTS.keys(), (
        "add the missing function to MEASUREMENTS in benchmarks/bar_measurements.py, "
        "or the missing Bar to benchmarks/bars.py"
    )


def test_every_peer_of_a_bar_exists() -> None:
    assert {bar.peer for bar in BARS.values()} - {"—"} <= PEERS.keys()


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [("start", 60.0, True), ("start", 60.1, False), ("sleep", 6080, True), ("sleep", 6079, False)],
)
def test_a_bar_is_met_at_its_limit_and_not_beyond(name: str, value: float, met: bool) -> None:
    assert BARS[name].met_by(value) is met


def test_the_median_decides_and_the_range_is_shown() -> None:
    result = bars_table.Result(BARS["start"], [50.0, 40.0, 99.0], "")
    text = bars_table.bars_table([result], HOW)
    assert result.verdict == "met"
    assert "50 ms (40–99)" in text
    assert "python -m benchmarks bars --row start" in text


def test_a_bar_that_cannot_be_measured_stays_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(effort: Effort, wanted: frozenset[str]) -> Found:
        raise ServerFailed("exited with 3\nno such app")

    monkeypatch.setattr(bars_table, "MEASUREMENTS", {**MEASUREMENTS, "start": fails})
    results = bars_table.measure_bars(["start"], EFFORT)
    bars_table.write_bars_json(tmp_path / "bars.json", results, HOW)
    stored = json.loads((tmp_path / "bars.json").read_text())["bars"][0]
    assert stored["verdict"] == "not measured"
    assert "exited with 3 no such app" in stored["note"]
    assert "exited with 3 no such app" in bars_table.bars_table(results, HOW)
