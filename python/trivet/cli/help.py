"""The help of a command that takes settings, made from the settings table; printing is main's."""

from __future__ import annotations

import os
import sys

from trivet.cli.commands import COMMANDS
from trivet.cli.flags import CONFIG_FLAGS
from trivet.cli.terminal import paint, two_columns, width, wrap
from trivet.observe.log import wants_colour
from trivet.settings.environment import CONFIG_VARIABLE
from trivet.settings.kinds import Switch
from trivet.settings.table import GROUPS, SPECS, Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from trivet.cli.flags import OwnFlag
    from trivet.settings.table import Mode

LEFT = 26  # where explanations begin: most flags fit before it

ABOUT_VALUES = (
    "Every setting is also a variable (in brackets below), a key of trivet.toml or of "
    "[tool.trivet] in pyproject.toml (keep_alive for --keep-alive), and a keyword of "
    "trivet.serve(). Durations and sizes are written with their unit: 250ms, 5s, 2m; 64KiB, 16MiB."
)


def render_help(command: str, mode: Mode, own: Sequence[OwnFlag]) -> str:
    """The help of one command, wrapped to the terminal and coloured if it wants that."""
    columns = width(sys.stdout, os.environ)
    colour = wants_colour(sys.stdout, os.environ)
    own_usage = "".join(f" [{_spelled(entry)}]" for entry in own)
    sections = [
        f"Usage: trivet {command} [APP]{own_usage} [flags]",
        COMMANDS[command].help,
        two_columns(
            [("APP", SPECS["app"].help + "\n" + _where_else(SPECS["app"], mode))], columns, LEFT
        ),
        wrap(ABOUT_VALUES, columns),
    ]
    sections += [
        f"{paint(f'{group}:', 'heading', colour)}\n{two_columns(rows, columns, LEFT)}"
        for group in GROUPS
        if (rows := _rows(group, mode))
    ]
    others = [(_spelled(entry), entry.help) for entry in own]
    others += [
        (
            f"{', '.join(reversed(CONFIG_FLAGS))} FILE",
            "Read settings from this file, and not from trivet.toml or pyproject.toml here.\n"
            f"[{CONFIG_VARIABLE}]",
        ),
        ("-h, --help", "Show this."),
    ]
    sections.append(f"{paint('Others:', 'heading', colour)}\n{two_columns(others, columns, LEFT)}")
    return "\n\n".join(sections)


def _rows(group: str, mode: Mode) -> list[tuple[str, str]]:
    return [
        (_flags_of(spec), f"{spec.help}\n{_where_else(spec, mode)}")
        for spec in SPECS.values()
        if spec.group == group and not spec.positional and spec.only_in in (None, mode)
    ]


def _flags_of(spec: Spec) -> str:
    if isinstance(spec.kind, Switch):
        return f"{spec.flag}, {spec.negative_flag}"
    short = f"{spec.short}, " if spec.short else ""
    return f"{short}{spec.flag} {spec.kind.placeholder}"


def _where_else(spec: Spec, mode: Mode) -> str:
    variables = ", ".join([spec.variable, *spec.extra_environment])
    return f"[default: {spec.show(spec.default_in(mode))}; {variables}]"


def _spelled(entry: OwnFlag) -> str:
    return " ".join([entry.flag, *entry.values])
