"""Write the reference page and the JSON schema of the settings, or check that they are current.

    python -m trivet.settings.document [--check]

To be run in the directory that holds docs/. Everything on the page comes from the table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trivet.settings.access_log_format import (
    FIELD_VARIABLES,
    PRESETS,
    VALUES,
    VARIABLES,
    shown_variable,
)
from trivet.settings.environment import CONFIG_VARIABLE
from trivet.settings.kinds import Switch
from trivet.settings.resolve import WAITRESS_KEYWORDS
from trivet.settings.table import FILE_TABLES, GROUPS, MODES, SPECS, Spec

COMMAND = "python -m trivet.settings.document"
REFERENCE = Path("docs/reference")

INTRODUCTION = f"""\
# Settings

<!-- Made by `{COMMAND}` from python/trivet/settings/table.py; do not edit. -->

Every setting has one name and four spellings. `keep_alive` is

- `--keep-alive 5s` on the command line,
- `TRIVET_KEEP_ALIVE=5s` in the environment,
- `keep_alive = "5s"` in `trivet.toml`, or under `[tool.trivet]` in `pyproject.toml`,
- `serve(app, keep_alive=5)` in Python.

When several of them give a value, the later in this list wins:

1. the default
2. the file
3. the file's table for this way to run: `[serve]` or `[dev]` (in `pyproject.toml`
   `[tool.trivet.serve]` or `[tool.trivet.dev]`)
4. `PORT` and `WEB_CONCURRENCY`, which platforms set
5. `TRIVET_…` variables
6. the command line
7. keywords of `serve()`

`trivet settings` shows every value and where it came from; `trivet settings --diff dev serve` shows
what differs between development and production. A name that is no setting is an error, wherever
it stands.

The file is `trivet.toml` or `pyproject.toml` in the current directory, or the one that `--config`
or `{CONFIG_VARIABLE}` names. For completion and checks in an editor, begin `trivet.toml` with

```toml
#:schema docs/reference/trivet.schema.json
```

Durations have a unit, `ms`, `s`, `m`, `h` or `d`: `250ms`, `5s`, `1m30s`. Sizes too: `B`, `KiB`,
`MiB`, `GiB`, `TiB` are powers of 1024, and `KB`, `MB`, `GB`, `TB` powers of 1000. Only keywords of
`serve()` may be bare numbers: seconds and bytes.
"""


def reference_page() -> str:
    """The page docs/reference/settings.md."""
    sections = [INTRODUCTION, _modes()]
    for group in GROUPS:
        entries = [_entry(spec) for spec in SPECS.values() if spec.group == group]
        sections.append("\n".join([f"## {group}\n", *entries]))
    sections.append(_access_log_values())
    sections.append(_waitress())
    return "\n".join(sections)


def _modes() -> str:
    rows = [
        f"| `{spec.name}` | " + " | ".join(_code(spec, spec.default_in(mode)) for mode in MODES)
        for spec in SPECS.values()
        if spec.defaults_in
    ]
    heading = "| default of | " + " | ".join(f"`{mode}`" for mode in MODES) + " |"
    return "\n".join(
        [
            "## Ways to run\n",
            "`serve` is production and `dev` is development; `script` is `trivet.serve()` in a "
            "program of\nyours, and reads the table `[serve]`. They differ in these defaults:\n",
            heading,
            "|---" * (len(MODES) + 1) + "|",
            *(f"{row} |" for row in rows),
            "",
        ]
    )


def _entry(spec: Spec) -> str:
    lines = [f"### {spec.name}\n", f"{spec.help}\n"]
    facts = {
        "Value": spec.kind.expected,
        "Default": _code(spec, spec.default),
        "Command line": _command_line(spec),
        "Environment": ", ".join(
            f"`{variable}`" for variable in (spec.variable, *spec.extra_environment)
        ),
    }
    lines += [f"- {fact}: {text}" for fact, text in facts.items()]
    return "\n".join([*lines, ""])


def _code(spec: Spec, value: object) -> str:
    """A value as code, or in words when it is empty."""
    shown = spec.show(value)
    return shown if spec.empty_means and not value else f"`{shown}`"


def _command_line(spec: Spec) -> str:
    if spec.positional:
        return f"`{spec.kind.placeholder}`, without a flag"
    if isinstance(spec.kind, Switch):
        return f"`{spec.flag}`, `{spec.negative_flag}`"
    # A bar inside code would still end the cell of a table, but this is a list.
    short = f"`{spec.short}`, " if spec.short else ""
    return f"{short}`{spec.flag} {spec.kind.placeholder}`"


def _access_log_values() -> str:
    rows = [f"| `%({name})s` | {meaning} |" for name, meaning in VALUES.items()]
    presets = [f"| `{name}` | `{format}` |" for name, format in PRESETS.items()]
    variables = ", ".join(f"`{shown_variable(name)}`" for name in (*VARIABLES, *FIELD_VARIABLES))
    return "\n".join(
        [
            "## Values in access_log_format\n",
            "Names and meanings are gunicorn's, as far as it has them. `%%` is a percent sign.\n",
            "| | |",
            "|---|---|",
            *rows,
            "| `%({NAME}i)s` | a field of the request, all of that name joined, or `-` |",
            "| `%({NAME}o)s` | a field of the response, or `-` |",
            f"| `%({{NAME}}e)s` | a variable of the environ: `HTTP_…`, {variables} |\n",
            "Two words stand for format strings:\n",
            "| | |",
            "|---|---|",
            *presets,
            "",
        ]
    )


def _waitress() -> str:
    rows = [f"- `{keyword}` is `{name}`" for keyword, (name, _) in WAITRESS_KEYWORDS.items()]
    return "\n".join(
        [
            "## Keywords of waitress\n",
            "`trivet.serve()` takes these names of `waitress.serve()` too; `host`, `port`, "
            "`threads`, `backlog`\nand `url_scheme` are the same in both:\n",
            *rows,
            "",
        ]
    )


def schema() -> dict[str, object]:
    """JSON Schema of trivet.toml, for editors."""
    properties = {spec.name: _property(spec) for spec in SPECS.values()}
    tables = {
        table: {
            "description": f"Settings for {' and '.join(modes)} only.",
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
        }
        for table, modes in FILE_TABLES.items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "trivet.toml",
        "description": f"Settings of Trivet. Made by `{COMMAND}`; do not edit.",
        "type": "object",
        "additionalProperties": False,
        "properties": {**properties, **tables},
    }


def _property(spec: Spec) -> dict[str, object]:
    return {"description": f"{spec.help} Default: {spec.show(spec.default)}.", **spec.kind.schema()}


def documents() -> dict[Path, str]:
    """Every generated file, relative to the root of the project, and what it should hold."""
    return {
        REFERENCE / "settings.md": reference_page(),
        REFERENCE / "trivet.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }


def outdated(root: Path) -> list[Path]:
    """The generated files under `root` that are missing or differ from the table."""
    return [
        path
        for path, text in documents().items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the documents, or with --check say which are not current; the exit code."""
    if arguments not in ([], ["--check"]):
        print(f"usage: {COMMAND} [--check]", file=sys.stderr)
        return 2
    root = Path()
    if not REFERENCE.parent.is_dir():
        print(f"there is no {REFERENCE.parent}/ here: run {COMMAND} in the root", file=sys.stderr)
        return 2
    stale = outdated(root)
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path} is not current: run {COMMAND}", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(documents()[path], encoding="utf-8")
        print(f"{path} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
