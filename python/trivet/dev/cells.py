"""How wide text is on a terminal, and cutting it to fit; pure functions of text."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from trivet.observe.log import printable

ELLIPSIS = "…"


def cells(text: str) -> int:
    """How many columns a text takes: East Asian characters take two, accents none (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def cut(text: str, most: int) -> str:
    """The text in at most so many columns; "…" stands for what is left out at its end."""
    if cells(text) <= most:
        return text
    if most <= 0:
        return ""
    kept, taken = [], 1
    for character in text:
        taken += _width(character)
        if taken > most:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def cut_in_the_middle(text: str, most: int) -> str:
    """As `cut`, but keeps the end too, which tells one path from another."""
    if cells(text) <= most or most < 8:
        return cut(text, most)
    tail, taken = "", 0
    for character in reversed(text):
        taken += _width(character)
        if taken > most // 3:
            break
        tail = character + tail
    return cut(text, most - cells(tail)) + tail


def padded(text: str, columns: int) -> str:
    """The text with spaces behind it, up to a width."""
    return text + " " * max(0, columns - cells(text))


def one_line(text: object) -> str:
    """The text without anything that could steer the terminal or break the line."""
    return printable(text)


def _width(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1
