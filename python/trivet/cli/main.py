"""Find the command that was typed and run it; every error of a command ends here, as text."""

from __future__ import annotations

import os
import sys

from trivet.cli.commands import COMMANDS, HELP_WORDS, HelpWanted
from trivet.cli.output import complain, give_up_output, show
from trivet.cli.terminal import render_error
from trivet.errors import TrivetBug, TrivetError, UnknownCommand, UsageError
from trivet.host import open_missing_standard_streams
from trivet.observe.log import wants_colour

VERSION_WORDS = ("--version", "-V")
INTERRUPTED = 128 + 2  # what shells report for a program that SIGINT ended


def main(argv: list[str] | None = None) -> int:
    """Run the command in `argv` (by default this process's, without `trivet`); the exit code."""
    open_missing_standard_streams()
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return _dispatch_or_help(arguments)
    except TrivetError as error:
        return _tell(error, as_json="--json" in arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        give_up_output()  # `trivet settings | head`
        return 1
    except Exception:  # noqa: BLE001 — whatever it is, it is ours, and the user must be told so
        return _tell_bug()


def _dispatch_or_help(arguments: list[str]) -> int:
    try:
        return dispatch(arguments)
    except HelpWanted as wanted:
        show(wanted.text)
        return 0


def dispatch(arguments: list[str]) -> int:
    """Run the command that the arguments name. Raises TrivetError when there is none."""
    if not arguments:
        complain(overview())
        return UsageError.exit_code
    first, *rest = arguments
    if first in VERSION_WORDS:
        from trivet import __version__

        show(f"trivet {__version__}")
        return 0
    if first in HELP_WORDS or (first == "help" and not rest):
        raise HelpWanted(overview())
    if first == "help":
        return dispatch([rest[0], "--help"])
    command = COMMANDS.get(first)
    if command is None:
        raise _no_command(first, rest)
    from importlib import import_module

    exit_code: int = import_module(command.module).run(rest)
    return exit_code


def overview() -> str:
    """What `trivet` shows without a command: what it is, the commands, and how to begin."""
    left = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{left}}{command.help}" for name, command in COMMANDS.items())
    return (
        "Trivet serves WSGI applications: Flask, Django, Bottle, Falcon and others.\n"
        "\n"
        "Usage: trivet COMMAND [APP] [flags]\n"
        "\n"
        "Commands:\n"
        f"{commands}\n"
        "\n"
        "To begin, in the directory of your application: trivet serve\n"
        "For the flags of a command: trivet COMMAND --help\n"
        "For the version: trivet --version"
    )


def _no_command(word: str, rest: list[str]) -> TrivetError:
    if word.startswith("-"):
        typed = " ".join([word, *rest])
        return UsageError(
            f"{word} stands before the command", hint=f"flags come after it: trivet serve {typed}"
        )
    if _may_be_an_app(word):
        typed = " ".join([word, *rest])
        return UnknownCommand(
            f"there is no command {word}", hint=f"to serve an application: trivet serve {typed}"
        )
    from trivet.settings.nearest import did_you_mean

    return UnknownCommand(
        f"there is no command {word}",
        hint=did_you_mean(word, COMMANDS) or f"the commands are {', '.join(COMMANDS)}",
    )


def _may_be_an_app(word: str) -> bool:
    return ":" in word or word.endswith(".py") or "/" in word or os.path.exists(word)


def _tell(error: TrivetError, as_json: bool) -> int:
    complain(render_error(error, wants_colour(sys.stderr, os.environ)))
    if as_json:
        _show_as_json(error)
    if isinstance(error, TrivetBug):
        _ask_for_report()
    return error.exit_code


def _show_as_json(error: TrivetError) -> None:
    """For the program that asked: standard output has JSON also when there is no answer."""
    from trivet.cli.settings import to_json

    about = {name: getattr(error, name) or "" for name in ("name", "what", "details", "hint")}
    try:
        show(to_json({"error": about}))
    except (BrokenPipeError, TrivetError):
        pass  # the exit code says it, too


def _tell_bug() -> int:
    """Show the exception that is being handled: its traceback is what a report needs."""
    from traceback import format_exc

    complain(f"{format_exc()}trivet: this is a bug in Trivet")
    _ask_for_report()
    return TrivetBug.exit_code


def _ask_for_report() -> None:
    complain("hint: please report it with everything above and the command that you typed")
