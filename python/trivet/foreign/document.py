"""Write docs/reference/gunicorn-settings.md from the table, or check that it is current.

python -m trivet.foreign.document [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from trivet.foreign.gunicorn import SETTINGS

PAGE = Path("docs/reference/gunicorn-settings.md")

INTRODUCTION = """\
# gunicorn's settings

<!-- Made by `python -m trivet.foreign.document` from its table; do not edit. -->

Every setting of gunicorn 27, and what it is here. `trivet serve --gunicorn-config FILE` uses this
table, and so does `trivet settings --from FILE`, which writes the `trivet.toml` that says the same.

| gunicorn | Trivet | |
|---|---|---|
"""


def page() -> str:
    """The whole page, as Markdown."""
    rows = []
    for row in SETTINGS.values():
        ours = f"[`{row.ours}`](settings.md)" if row.is_mapped else "–"
        rows.append(f"| `{row.name}` | {ours} | {row.reason.replace('|', '/')} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the page; exit code 1 when it is out of date."""
    if arguments == ["--check"]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
