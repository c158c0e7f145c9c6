"""Tables, JSON and plots of a comparison."""

import json
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.interleave import Measured
from benchmarks.plot import svg
from benchmarks.ratios import Turn, rows
from benchmarks.report import HowRun, markdown, table, write_json

HOW = HowRun(rounds=1, seconds=2, pinned=False, python="3.11.7", machine="x86_64", cpus=2)
TURNS = {
    "trivet": [Turn(1000, 2.0, 0.008, 0, 0.001, 0.002)],
    "bjoern": [Turn(1000, 2.0, 0.010, 0, 0.001, 0.002)],
}
ROWS = rows(TURNS, "trivet")


def test_the_table_has_the_ratio_and_how_it_was_run() -> None:
    text = table("hello", ROWS, "trivet", HOW)
    assert "0.80 (0.80–0.80)" in text
    assert "1 interleaved rounds of 2 s, not pinned" in text


def test_numbers_are_aligned_to_the_right_and_names_to_the_left() -> None:
    assert markdown(["peer", "µs"], [["a", "10.5"]]) == [
        "| peer |   µs |",
        "| ---- | ---: |",
        "| a    | 10.5 |",
    ]


def test_the_json_file_has_every_turn(tmp_path: Path) -> None:
    path = tmp_path / "results" / "compare.json"
    left_out = {"granian": "no wheel"}
    write_json(path, {"hello": Measured(TURNS, left_out)}, {"hello": ROWS}, HOW)
    stored = json.loads(path.read_text())
    assert stored["scenarios"]["hello"]["turns"]["bjoern"][0]["cpu_seconds"] == 0.010
    assert stored["scenarios"]["hello"]["left_out"] == left_out


def test_a_peer_that_was_left_out_stays_in_the_table_with_its_reason() -> None:
    text = table("hello", ROWS, "trivet", HOW, {"granian": "building it failed\nno compiler"})
    assert "- granian not measured: building it failed no compiler" in text
    assert any(line.startswith("| granian ") for line in text.splitlines())


def test_the_plot_is_an_image_with_a_bar_for_each_peer() -> None:
    picture = ElementTree.fromstring(svg("CPU <per> request", ROWS, "trivet", "how"))
    labels = {element.text for element in picture.iter() if element.tag.endswith("text")}
    assert {"trivet", "bjoern", "CPU <per> request"} <= labels
