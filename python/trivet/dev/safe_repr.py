"""Text for any value: bounded, with secrets masked, and never an exception; nothing is imported."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from trivet.dev.masking import MASK, is_secret, mask_inside

LONGEST_TEXT = 1_000  # characters; what is longer is no longer read, and 50 of them fill a page
MOST_ITEMS = 20
DEEPEST = 4

#: Classes whose repr() does work that a look at a variable must not do: Django's querysets ask the
#: database, which after an error is often what failed.
WITHOUT_REPR = frozenset({("django.db.models.query", "QuerySet")})


def safe_repr(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return repr(value), cut, with masked secrets; if repr raises, which class and what."""
    text = mask_inside(_text(value, longest, 0))
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def _text(value: object, longest: int, depth: int) -> str:
    kind = type(value)
    if kind in (str, bytes, bytearray):
        return _text_of_string(value, longest)
    if kind in (dict, list, tuple, set, frozenset):
        if depth >= DEEPEST:
            return "{…}" if kind in (dict, set) else "[…]"
        return _text_of_container(value, longest, depth)
    if isinstance(value, Mapping) and _is_plain_mapping(value):
        inner = _text_of_mapping(value, longest, depth)
        return f"{kind.__name__}({inner})"
    return _text_of_object(value)


def _text_of_string(value: object, longest: int) -> str:
    assert isinstance(value, str | bytes | bytearray)
    if len(value) <= longest:
        return repr(value)
    # repr of the whole could be gigabytes.
    unit = "characters" if isinstance(value, str) else "bytes"
    return f"{value[:longest]!r}… ({len(value):,} {unit})"


def _text_of_container(value: object, longest: int, depth: int) -> str:
    if isinstance(value, dict):
        return _text_of_mapping(value, longest, depth)
    assert isinstance(value, list | tuple | set | frozenset)
    items = [_text(item, longest, depth + 1) for item in islice(value, MOST_ITEMS)]
    if len(value) > MOST_ITEMS:
        items.append(f"… {len(value) - MOST_ITEMS:,} more")
    inside = ", ".join(items)
    if isinstance(value, list):
        return f"[{inside}]"
    if isinstance(value, tuple):
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    name = "" if isinstance(value, set) else "frozenset"
    braces = f"{{{inside}}}" if value else "set()"
    return f"{name}({braces})" if name else braces


def _text_of_mapping(value: Mapping[object, object], longest: int, depth: int) -> str:
    items = []
    for key, item in islice(value.items(), MOST_ITEMS):
        shown = repr(MASK) if is_secret(key) and item else _text(item, longest, depth + 1)
        items.append(f"{_text(key, 200, depth + 1)}: {shown}")
    if len(value) > MOST_ITEMS:
        items.append(f"… {len(value) - MOST_ITEMS:,} more")
    return f"{{{', '.join(items)}}}"


def _is_plain_mapping(value: object) -> bool:
    """Whether a subclass of dict shows its items as dict does, so that we may mask them."""
    return isinstance(value, dict) and len(value) <= 10_000


def _text_of_object(value: object) -> str:
    kind = type(value)
    for base in kind.__mro__:
        if (base.__module__, base.__name__) in WITHOUT_REPR:
            return f"<{kind.__qualname__}, not evaluated>"
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - the repr() of users' classes may raise anything
        return f"<{kind.__qualname__}: its repr() raised {type(error).__name__}>"
    return text
