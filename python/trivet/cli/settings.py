"""`trivet settings`: every setting, its value and where it came from; nothing is served."""

from __future__ import annotations

import os
import sys

from trivet.cli.flags import OwnFlag, Parsed, parse_flags
from trivet.cli.output import show
from trivet.cli.terminal import aligned, paint
from trivet.errors import UsageError
from trivet.observe.log import wants_colour
from trivet.settings import explain
from trivet.settings.nearest import did_you_mean
from trivet.settings.resolve import Resolved, resolve
from trivet.settings.table import MODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.settings.table import Mode

OWN_FLAGS = (
    OwnFlag(
        "--diff",
        f"Show only the settings that differ between two ways to run: {', '.join(MODES)} (script "
        "is trivet.serve() in a program of yours).",
        ("MODE", "MODE"),
    ),
    OwnFlag(
        "--from",
        "Write the trivet.toml that says the same as this file of gunicorn, uWSGI or waitress.",
        ("FILE",),
    ),
    OwnFlag("--json", "Write JSON, for programs."),
)


def run(arguments: list[str]) -> int:
    """Print the settings that `trivet serve` with the same arguments would have; the exit code."""
    parsed = parse_flags("settings", arguments, "serve", OWN_FLAGS)
    as_json = "--json" in parsed.own
    colour = wants_colour(sys.stdout, os.environ) and not as_json
    if "--from" in parsed.own:
        from trivet.foreign.files import from_file
        from trivet.foreign.mapping import as_toml

        found = from_file(parsed.own["--from"][0], os.environ)
        left_out = dict(found.left_out)
        data: dict[str, object] = {"settings": found.settings, "left_out": left_out}
        show(to_json(data) if as_json else as_toml(found))
        return 0
    if "--diff" in parsed.own:
        left, right = (_resolve(parsed, _mode(word)) for word in parsed.own["--diff"])
        show(difference_as_json(left, right) if as_json else difference(left, right, colour))
        return 0
    resolved = _resolve(parsed, "serve")
    show(to_json(explain.as_data(resolved)) if as_json else overview(resolved, colour))
    return 0


def overview(resolved: Resolved, colour: bool) -> str:
    """All settings under their headings, each with its source, and the notes below."""
    rows = [
        (name, explain.value_of(name, source), f"({explain.origin_of(name, source)})")
        for name, source in resolved.sources.items()
    ]
    lines = dict(zip(resolved.sources, aligned(_with_equals(rows)), strict=True))
    sections = []
    for group, entries in explain.by_group(resolved):
        heading = paint(group, "heading", colour)
        shown = [
            f"  {paint(lines[name], 'quiet', colour and source.is_default)}"
            for name, source in entries
        ]
        sections.append("\n".join([heading, *shown]))
    sections += [f"note: {note}" for note in resolved.notes]
    return "\n\n".join(sections)


def difference(left: Resolved, right: Resolved, colour: bool) -> str:
    """The settings whose values differ, one row each, with both values and their sources."""
    names = explain.differences(left, right)
    if not names:
        return f"{left.mode} and {right.mode} have the same settings"
    rows: list[tuple[str, ...]] = [("", left.mode, right.mode)]
    rows += [(name, _with_origin(name, left), _with_origin(name, right)) for name in names]
    heading, *lines = aligned(rows)
    return "\n".join([paint(heading, "heading", colour), *lines])


def difference_as_json(left: Resolved, right: Resolved) -> str:
    """As `difference`: {setting: {mode: value and source}}."""
    names = explain.differences(left, right)
    data = {resolved.mode: explain.as_data(resolved)["settings"] for resolved in (left, right)}
    return to_json(
        {name: {mode: settings[name] for mode, settings in data.items()} for name in names}  # type: ignore[index]  # as_data promises no more than JSON
    )


def to_json(data: dict[str, object]) -> str:
    """JSON for people and programs."""
    import json  # only where asked for: json costs some milliseconds

    return json.dumps(data, indent=2, ensure_ascii=False)


def _with_equals(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(name, f"= {value}", origin) for name, value, origin in rows]


def _with_origin(name: str, resolved: Resolved) -> str:
    source = resolved.sources[name]
    return f"{explain.value_of(name, source)} ({explain.origin_of(name, source)})"


def _mode(word: str) -> Mode:
    for mode in MODES:
        if word == mode:
            return mode
    raise UsageError(
        f"--diff compares two ways to run, and {word} is none",
        hint=did_you_mean(word, MODES) or f"such as --diff {MODES[1]} {MODES[0]}",
    )


def _resolve(parsed: Parsed, mode: Mode) -> Resolved:
    return resolve(
        mode=mode,
        flags=parsed.flags,
        keywords={},
        environ=os.environ,
        directory=os.curdir,
        config_file=parsed.config_file,
    )
