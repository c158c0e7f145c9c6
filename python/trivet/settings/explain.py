"""Say in words what every setting is and where it came from; printing is done by cli/settings."""

from __future__ import annotations

from trivet.settings.sources import Source
from trivet.settings.table import GROUPS, SPECS, Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from trivet.settings.resolve import Resolved


def value_of(name: str, source: Source) -> str:
    """The value as a user would write it; secrets are not shown."""
    return SPECS[name].show(source.value)


def origin_of(name: str, source: Source) -> str:
    """Where the value came from and what it won over.

    For example "from --workers; trivet.toml says 2". A default that lost is not worth a word.
    """
    spec = SPECS[name]
    if source.reason:
        parts = [f"because of {source.origin}: {source.reason}"]
    elif source.is_default:
        parts = [source.origin]
    else:
        parts = [f"from {source.origin}"]
    parts += [
        f"{given.origin} says {spec.show(given.value)}"
        for given in source.overridden
        if given.layer > 0 and given.origin != source.origin
    ]
    return "; ".join(parts)


def line(name: str, source: Source) -> str:
    """One setting in one line: "workers = 4 (from --workers; trivet.toml says 2)"."""
    return f"{name} = {value_of(name, source)} ({origin_of(name, source)})"


def by_group(resolved: Resolved) -> Iterator[tuple[str, list[tuple[str, Source]]]]:
    """All settings, in the order of the table, under the headings of their groups."""
    for group in GROUPS:
        yield group, [(name, resolved.sources[name]) for name in _names_in(group)]


def differences(left: Resolved, right: Resolved) -> list[str]:
    """The names of the settings whose values differ, in the order of the table."""
    return [name for name in SPECS if left.sources[name].value != right.sources[name].value]


def as_data(resolved: Resolved) -> dict[str, object]:
    """Everything that `line` says, as values that JSON can hold."""
    return {
        "mode": resolved.mode,
        "file": resolved.file,
        "settings": {name: _source_as_data(name, resolved.sources[name]) for name in SPECS},
        "notes": list(resolved.notes),
    }


def _source_as_data(name: str, source: Source) -> dict[str, object]:
    spec = SPECS[name]
    return {
        "value": _plain(spec, source.value),
        "shown": value_of(name, source),
        "from": source.origin,
        "reason": source.reason or None,
        "overridden": [
            {
                "value": _plain(spec, given.value),
                "shown": spec.show(given.value),
                "from": given.origin,
            }
            for given in source.overridden
        ],
    }


def _names_in(group: str) -> list[str]:
    return [name for name, spec in SPECS.items() if spec.group == group]


def _plain(spec: Spec, value: object) -> object:
    """The value as JSON has it: seconds, bytes, and text for addresses."""
    if spec.secret:
        return None
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value
