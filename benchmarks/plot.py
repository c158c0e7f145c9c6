"""A picture of a comparison as SVG text: one bar per peer, CPU per request, with its range."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from xml.sax.saxutils import escape

from benchmarks.ratios import Row

LABEL_WIDTH = 150
BAR_WIDTH = 420
VALUE_WIDTH = 170
ROW_HEIGHT = 26
TOP = 40

OURS = "#2a7f62"
OTHERS = "#8da0b3"


def svg(
    title: str,
    rows: Sequence[Row],
    reference: str,
    caption: str,
    left_out: Collection[str] = (),
) -> str:
    """The picture; peers in the order given, the reference in its own colour.

    Peers that were left out are named without a bar; why is in the table.
    """
    # One slow peer must not squeeze all others into a line: its bar is cut and says so.
    others = sorted(row.cpu_microseconds.median for row in rows)
    longest = min(others[-1], 4 * others[len(others) // 2]) * 1.05
    width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH
    height = TOP + ROW_HEIGHT * (len(rows) + len(left_out)) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for index, row in enumerate(rows):
        parts += _row(row, TOP + index * ROW_HEIGHT, longest, is_reference=row.peer == reference)
    for index, peer in enumerate(left_out, start=len(rows)):
        middle = TOP + index * ROW_HEIGHT + ROW_HEIGHT / 2 + 4
        parts += [
            _name(peer, middle),
            f'<text x="{LABEL_WIDTH + 6}" y="{middle}" fill="#555">not measured</text>',
        ]
    parts += [
        f'<text x="10" y="{height - 10}" font-size="11" fill="#555">{escape(caption)}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _row(row: Row, top: int, longest: float, *, is_reference: bool) -> list[str]:
    cpu = row.cpu_microseconds

    def across(microseconds: float) -> float:
        return min(microseconds / longest, 1.0) * BAR_WIDTH

    middle = top + ROW_HEIGHT / 2
    cut = " (bar cut)" if cpu.median > longest else ""
    ratio = f" · ratio {row.ratio.median:.2f}" if row.ratio else ""
    return [
        _name(row.peer, middle + 4),
        f'<rect x="{LABEL_WIDTH}" y="{top + 4}" width="{across(cpu.median):.1f}" '
        f'height="{ROW_HEIGHT - 8}" fill="{OURS if is_reference else OTHERS}"/>',
        f'<line x1="{LABEL_WIDTH + across(cpu.low):.1f}" x2="{LABEL_WIDTH + across(cpu.high):.1f}" '
        f'y1="{middle}" y2="{middle}" stroke="black"/>',
        f'<text x="{LABEL_WIDTH + max(across(cpu.median), across(cpu.high)) + 6:.1f}" '
        f'y="{middle + 4}">{cpu.median:.1f} µs{ratio}{cut}</text>',
    ]


def _name(peer: str, baseline: float) -> str:
    return f'<text x="{LABEL_WIDTH - 8}" y="{baseline}" text-anchor="end">{escape(peer)}</text>'
