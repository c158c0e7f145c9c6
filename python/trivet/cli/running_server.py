"""What the commands for a running server share: their flags, and finding the server."""

from __future__ import annotations

import os
import sys

from trivet.cli.commands import COMMANDS, HELP_WORDS, HelpWanted
from trivet.cli.flags import CONFIG_FLAGS
from trivet.cli.output import complain
from trivet.cli.terminal import two_columns, width, wrap
from trivet.errors import TrivetError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from trivet.control.client import Client

#: Flag → what stands for its value, and its help.
SHARED_FLAGS = {
    "--control": ("PATH", "The control socket of the server that is meant."),
    "--pid": ("PID", "The server with this process id."),
    "--config": ("FILE", "Read `control` from this file, and not from trivet.toml here."),
    "--json": ("", "Write JSON, for programs."),
}

ABOUT = (
    "Without --control and --pid it is the server that the settings of this directory name, the "
    "only one that runs, or the only one that was started in this directory."
)


class Request:
    """A command line for a running server: words without a flag, and the flags' values."""

    def __init__(self, words: list[str], flags: dict[str, str]) -> None:
        self.words = words
        self.flags = flags

    @property
    def as_json(self) -> bool:
        return "--json" in self.flags

    def connect(self) -> Client:
        """Connect to the server that is meant. Raises TrivetError."""
        from trivet.control.client import connect

        setting = self.flags.get("--control")
        if setting is None:
            setting = self._setting()
        pid = self.flags.get("--pid")
        return connect(setting, os.environ, os.getcwd(), None if pid is None else whole(pid))

    def _setting(self) -> str:
        """`control` as the settings of this directory have it.

        Where they are wrong, which may be the very reason to look at the server that runs, it is
        looked for as without them. Raises TrivetError for a file that was named.
        """
        from trivet.settings.resolve import resolve
        from trivet.settings.table import SPECS

        try:
            resolved = resolve(
                mode="serve",
                flags={},
                keywords={},
                environ=os.environ,
                directory=os.curdir,
                config_file=self.flags.get("--config"),
            )
        except TrivetError as error:
            if "--config" in self.flags:
                raise
            complain(f"trivet: {error.what}; the server is looked for without these settings")
            return str(SPECS["control"].default)
        return resolved.settings.control


def read_arguments(
    command: str,
    arguments: Sequence[str],
    words: Sequence[str] = (),
    own: dict[str, tuple[str, str]] | None = None,
) -> Request:
    """Take the command line apart. `words` are those that must be given, `own` further flags.

    Raises HelpWanted, UsageError.
    """
    flags = {**SHARED_FLAGS, **(own or {})}
    if any(word in arguments for word in HELP_WORDS):
        raise HelpWanted(_help(command, words, flags))
    given: dict[str, str] = {}
    found: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        flag, equals, value = argument.partition("=")
        flag = "--config" if flag in CONFIG_FLAGS else flag
        if not argument.startswith("-"):
            found.append(argument)
        elif flag not in flags:
            from trivet.settings.nearest import did_you_mean

            raise UsageError(
                f"trivet {command} has no flag {flag}",
                hint=did_you_mean(flag, flags) or f"`trivet {command} --help` lists them all",
            )
        elif not flags[flag][0]:
            given[flag] = ""
        elif equals or left:
            given[flag] = value if equals else left.pop(0)
        else:
            raise UsageError(f"{flag} needs a value", hint=f"{flag} {flags[flag][0]}")
    if len(found) != len(words):
        usage = " ".join(["trivet", command, *words])
        what = f"needs {' '.join(words)}" if len(found) < len(words) else f"takes no {found[-1]}"
        raise UsageError(f"trivet {command} {what}", hint=f"it is: {usage}")
    return Request(found, given)


def whole(text: str) -> int:
    """A number from the command line. Raises UsageError."""
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text} is no whole number")
    return int(text)


def _help(command: str, words: Sequence[str], flags: dict[str, tuple[str, str]]) -> str:
    columns = width(sys.stdout, os.environ)
    rows = [(f"{flag} {value}".rstrip(), help) for flag, (value, help) in flags.items()]
    return "\n\n".join(
        [
            " ".join(["Usage: trivet", command, *words, "[flags]"]),
            COMMANDS[command].help,
            wrap(ABOUT, columns),
            two_columns([*rows, ("-h, --help", "Show this.")], columns, 20),
        ]
    )
