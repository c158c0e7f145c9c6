"""What may stand in names and tags of statistics, where `:`, `|` and line ends have a meaning."""

from __future__ import annotations

_NAME_MARKS = frozenset("_-.")


def reject_statsd_name(text: str) -> str | None:
    """What is wrong with the beginning of a name, or None."""
    if all(letter in _NAME_MARKS or (letter.isascii() and letter.isalnum()) for letter in text):
        return None
    return "expected ASCII letters, digits, _, - and dots"


def reject_statsd_tags(text: str) -> str | None:
    """What is wrong with tags, or None."""
    if not text.isascii() or not text.isprintable() or any(mark in text for mark in "|#@ "):
        return "expected ASCII text without spaces, |, # and @, such as env:live,team:shop"
    if text and not all(text.split(",")):
        return "expected tags with one comma between them, such as env:live,team:shop"
    return None
