"""How text is put on a terminal: width, colour, columns, errors; no command's words.

Whether a stream wants colours is asked of observe/log, which has the same question.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

    from trivet.errors import TrivetError

#: Lines longer than this are hard to read, however wide the window is.
WIDEST = 100
NARROWEST = 40

STYLES = {
    "heading": "\x1b[1m",
    "name": "\x1b[36m",
    "error": "\x1b[1;31m",
    "hint": "\x1b[33m",
    "quiet": "\x1b[2m",
}
STYLE_OFF = "\x1b[0m"


def width(stream: TextIO, environ: Mapping[str, str]) -> int:
    """How many columns to use: COLUMNS, or the terminal's own, or 80 when there is none."""
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        available = int(columns)
    else:
        try:
            available = os.get_terminal_size(stream.fileno()).columns or 80
        except (OSError, ValueError):  # no terminal, or no file behind the stream
            available = 80
    return max(NARROWEST, min(WIDEST, available))


def paint(text: str, style: str, colour: bool) -> str:
    """The text in one of STYLES, or as it is."""
    return f"{STYLES[style]}{text}{STYLE_OFF}" if colour and text else text


def wrap(text: str, columns: int, indent: str = "") -> str:
    """Break text between words; every line begins with `indent`. Flags and paths stay whole."""
    import textwrap  # costs more than it is worth where nothing is wrapped

    return textwrap.fill(
        text,
        columns,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def two_columns(rows: Iterable[tuple[str, str]], columns: int, left: int) -> str:
    """Rows of a term and its explanation, which begins at column `left`, or below a longer term.

    Each line of an explanation is wrapped by itself.
    """
    indent = " " * left
    lines = []
    for term, explanation in rows:
        wrapped = "\n".join(wrap(line, columns, indent) for line in explanation.split("\n"))
        beginning = f"  {term}"
        if len(beginning) + 2 <= left:
            lines.append(beginning + wrapped[len(beginning) :])
        else:
            lines += [beginning, wrapped]
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines in which each column begins at the same place; nothing is cut or wrapped."""
    if not rows:
        return []
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def render_error(error: TrivetError, colour: bool) -> str:
    """An error as the user sees it: what happened, the details, and what to do."""
    lines = [f"{paint('trivet:', 'error', colour)} {error}"]
    if error.details:
        lines.append(error.details.rstrip("\n"))
    if error.hint:
        lines.append(f"{paint('hint:', 'hint', colour)} {error.hint}")
    return "\n".join(lines)
