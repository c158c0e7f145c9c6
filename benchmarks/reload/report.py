"""The comparison as a table in Markdown, a picture in SVG, and JSON; nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.reload.measure import Measured

Results = Mapping[str, Mapping[str, Measured]]

LABEL_WIDTH = 150
BAR_WIDTH = 420
VALUE_WIDTH = 200
ROW_HEIGHT = 26
OURS = "#2a7f62"
OTHERS = "#8da0b3"


def table(scenario: str, measured: Mapping[str, Measured], how: str) -> str:
    """One scenario as Markdown."""
    lines = [
        f"### {scenario}",
        "",
        "| server | median ms | least | most | failed requests | edits never seen |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, one in measured.items():
        if one.median is None:
            lines.append(
                f"| {name} | {one.problem or 'never'} | | | {one.failed_requests} "
                f"| {one.missed_edits} |"
            )
            continue
        lines.append(
            f"| {name} | {one.median:.0f} | {min(one.milliseconds):.0f} "
            f"| {max(one.milliseconds):.0f} | {one.failed_requests} | {one.missed_edits} |"
        )
    return "\n".join([*lines, "", how, ""])


def picture(results: Results, how: str) -> str:
    """All scenarios below one another, one bar for each server."""
    width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH
    parts: list[str] = []
    top = 34
    for scenario, measured in results.items():
        parts.append(_text(10, top, f"From save to new answer: {scenario}", bold=True))
        longest = max((one.median or 0.0) for one in measured.values()) or 1.0
        for name, one in measured.items():
            top += ROW_HEIGHT
            median = one.median
            length = (median or 0.0) / longest * BAR_WIDTH
            colour = OURS if name == "trivet" else OTHERS
            value = one.problem or "never" if median is None else f"{median:.0f} ms"
            failed = f", {one.failed_requests} failed" if one.failed_requests else ""
            parts += [
                _text(LABEL_WIDTH - 8, top, name, anchor="end"),
                f'<rect x="{LABEL_WIDTH}" y="{top - 13}" width="{length:.1f}" '
                f'height="{ROW_HEIGHT - 8}" fill="{colour}"/>',
                _text(LABEL_WIDTH + length + 6, top, value + failed),
            ]
        top += 2 * ROW_HEIGHT
    height = top + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
        f'<rect width="{width}" height="{height}" fill="white"/>'
    )
    return "\n".join([head, *parts, _text(10, height - 12, how, size=11), "</svg>"]) + "\n"


def write(folder: Path, results: Results, how: str) -> None:
    """Write reload.md, reload.svg and reload.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [table(scenario, measured, how) for scenario, measured in results.items()]
    (folder / "reload.md").write_text("\n".join(tables))
    (folder / "reload.svg").write_text(picture(results, how))
    data = {
        scenario: {name: asdict(one) for name, one in measured.items()}
        for scenario, measured in results.items()
    }
    (folder / "reload.json").write_text(json.dumps({"how": how, "results": data}, indent=1) + "\n")


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, size: int = 13
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )
