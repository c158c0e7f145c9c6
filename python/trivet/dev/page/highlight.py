"""Colours for a line of Python: keywords, strings, comments, numbers, by one pattern; HTML out.

By line and not by tokenize: an excerpt begins anywhere, and a template or a broken file has no
tokens. A string of several lines is coloured only where it begins.
"""

from __future__ import annotations

import keyword
import re
from html import escape

_TOKEN = re.compile(
    r"""(?P<comment>\#.*)
      | (?P<string>\b[rbfuRBFU]{0,2}(?:\"\"\".*?(?:\"\"\"|$)|'''.*?(?:'''|$)|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
      | (?P<string2>(?:\"\"\".*?(?:\"\"\"|$)|'''.*?(?:'''|$)|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
      | (?P<decorator>^\s*@[\w.]+)
      | (?P<number>\b\d[\w.]*)
      | (?P<word>[^\W\d]\w*)""",
    re.VERBOSE,
)
_CLASSES = {"comment": "c", "string": "s", "string2": "s", "decorator": "d", "number": "n"}


def highlight(text: str, caret: tuple[int, int] | None = None, *, python: bool = True) -> str:
    """Return a line as HTML, with the columns of the caret inside <mark>."""
    kinds = [""] * len(text)
    if python:
        for match in _TOKEN.finditer(text):
            kind = _CLASSES.get(match.lastgroup or "", "")
            if match.lastgroup == "word" and keyword.iskeyword(match[0]):
                kind = "k"
            for place in range(match.start(), match.end()):
                kinds[place] = kind
    start, end = caret or (0, 0)
    pieces = []
    for first, last in ((0, start), (start, end), (end, len(text))):
        inner = "".join(_runs(text, kinds, first, last))
        pieces.append(
            f"<mark>{inner}</mark>" if first < last and (first, last) == (start, end) else inner
        )
    return "".join(pieces)


def _runs(text: str, kinds: list[str], first: int, last: int) -> list[str]:
    pieces = []
    place = first
    last = min(last, len(text))
    while place < last:
        end = place
        while end < last and kinds[end] == kinds[place]:
            end += 1
        shown = escape(text[place:end])
        pieces.append(f'<i class="{kinds[place]}">{shown}</i>' if kinds[place] else shown)
        place = end
    return pieces
