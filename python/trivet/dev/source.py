"""Lines of source around an error, and the columns of what failed; reads files, runs nothing."""

from __future__ import annotations

import linecache
from types import CodeType
from typing import Any

from trivet.dev.report import Line

LINES_AROUND = 7
LONGEST_LINE = 500  # characters; minified files have lines of a megabyte


def excerpt(
    file: str, line: int, module_globals: dict[str, Any] | None = None, around: int = LINES_AROUND
) -> tuple[Line, ...]:
    """Return the lines around one, as the file has them now; nothing when it cannot be read.

    Now, and not when it was imported: Python keeps no source. `trivet dev` imports again at each
    save, so the two differ only in the moment between.
    """
    linecache.checkcache(file)
    lines = linecache.getlines(file, module_globals)
    first = max(line - around, 1)
    return tuple(
        Line(number=number, text=text.rstrip("\r\n")[:LONGEST_LINE].expandtabs(4))
        for number, text in enumerate(lines[first - 1 : line + around], first)
    )


def columns(
    code: CodeType, instruction: int, line: int, source: tuple[Line, ...]
) -> tuple[int, int] | None:
    """Return the columns of the instruction that failed, from Python 3.11 on (PEP 657).

    An expression of several lines is marked up to the end of its first one. None when the marked
    range is the whole line, which says nothing.
    """
    co_positions = getattr(code, "co_positions", None)
    if co_positions is None or instruction < 0:
        return None
    positions = list(co_positions())
    if instruction // 2 >= len(positions):
        return None
    first_line, last_line, first, last = positions[instruction // 2]
    if first_line is None or last_line is None or first is None or last is None:
        return None
    text = next((each.text for each in source if each.number == first_line), None)
    if text is None or first_line != line:
        return None
    # Positions count bytes of UTF-8.
    encoded = text.encode()
    start = len(encoded[:first].decode(errors="replace"))
    end = (
        len(encoded[:last].decode(errors="replace"))
        if last_line == first_line
        else len(text.rstrip())
    )
    whole = text.strip()
    if text[start:end] == whole or end <= start:
        return None
    return start, end
