"""Make the reference page of the events from their table, or check that it is up to date.

python -m trivet.observe.document --write docs/reference/events.md
python -m trivet.observe.document --check docs/reference/events.md
"""

from __future__ import annotations

import sys

from trivet.observe.events import EVENTS, LEVELS

INTRODUCTION = """\
# Events

Made from `python/trivet/observe/events.py` by `python -m trivet.observe.document --write`.
Do not edit.

What Trivet tells about itself, on standard error or in `log_file`. On a terminal each event is its
sentence; elsewhere it is time, level, name and `field=value` pairs; with `--log-format json` it is
one JSON object with `time`, `level`, `event`, `message` and the fields, and with `--log-format
logfmt` the same as pairs alone. Durations are seconds. The names are stable.

Lines of the access log are no events of this table. Where they are JSON or logfmt, their `event` is
`request`: see [logs](../guides/logs.md), which has everything else about logs, too.
"""

USAGE_EXIT_CODE = 2


def page() -> str:
    """The whole page, as Markdown."""
    parts = [INTRODUCTION]
    for event in EVENTS.values():
        fields = ", ".join(f"`{field}`" for field in event.fields) or "none"
        parts.append(
            f"\n## {event.name}\n\n"
            f"*{event.level}*: {_code(event.template)}\n\n"
            f"{event.meaning}\n\n"
            f"Fields: {fields}.\n"
        )
    parts.append(f"\nThe levels, from the least important: {', '.join(LEVELS)}.\n")
    return "".join(parts)


def main(arguments: list[str]) -> int:
    """Write or check the page at the path given; exit code 1 when it is out of date."""
    match arguments:
        case ["--write", path]:
            with open(path, "w", encoding="utf-8") as file:
                file.write(page())
            return 0
        case ["--check", path]:
            with open(path, encoding="utf-8") as file:
                if file.read() == page():
                    return 0
            print(f"{path} is out of date: python -m trivet.observe.document --write {path}")
            return 1
    print(__doc__, file=sys.stderr)
    return USAGE_EXIT_CODE


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
