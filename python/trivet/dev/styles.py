"""Colours of the development terminal, by what they mean; whether to use any is asked elsewhere."""

from __future__ import annotations

STYLES = {
    "brand": "\x1b[1;35m",
    "heading": "\x1b[1m",
    "name": "\x1b[36m",
    "good": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[1;31m",
    "quiet": "\x1b[2m",
}
STYLE_OFF = "\x1b[0m"


def paint(text: str, style: str, colour: bool) -> str:
    """The text in one of STYLES, or as it is."""
    return f"{STYLES[style]}{text}{STYLE_OFF}" if colour and text else text
