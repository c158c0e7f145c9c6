"""Read a command line into texts under names of settings; settings/resolve says what they mean.

Written by hand and not with argparse, which costs 6 ms of every start, accepts abbreviations that
a later setting would make ambiguous, and cannot say what somebody probably meant.
"""

from __future__ import annotations

from trivet.cli.commands import HELP_WORDS, HelpWanted
from trivet.errors import UnknownSetting, UsageError
from trivet.settings.kinds import ListOf, Switch
from trivet.settings.table import MODES, SPECS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trivet.settings.table import Mode, Spec

CONFIG_FLAGS = ("--config", "-c")


class OwnFlag:
    """A flag of one command that is no setting, such as `--json`, with how many values it takes."""

    def __init__(self, flag: str, help: str, values: tuple[str, ...] = ()) -> None:
        self.flag = flag
        self.help = help
        self.values = values


class Parsed:
    """A command line, taken apart.

    `flags` has the text of every setting that was given, `app` among them; a list when the setting
    may be given several times; a boolean for a switch. `own` has the values of the command's own
    flags.
    """

    def __init__(self) -> None:
        self.app = ""
        self.flags: dict[str, str | list[str] | bool] = {}
        self.config_file: Path | None = None
        self.own: dict[str, list[str]] = {}


def _meanings() -> dict[str, tuple[Spec, bool | None]]:
    meanings: dict[str, tuple[Spec, bool | None]] = {}
    for spec in SPECS.values():
        if spec.positional:
            continue
        if isinstance(spec.kind, Switch):
            meanings[spec.flag] = spec, True
            meanings[spec.negative_flag] = spec, False
            continue
        meanings[spec.flag] = spec, None
        if spec.short is not None:
            meanings[spec.short] = spec, None
    return meanings


#: Every flag that gives a setting; for a switch, with the state that it stands for.
MEANINGS: Mapping[str, tuple[Spec, bool | None]] = _meanings()


def parse_flags(
    command: str, arguments: Sequence[str], mode: Mode, own: Sequence[OwnFlag] = ()
) -> Parsed:
    """Take the arguments of a command apart.

    `mode` decides which defaults the help shows; `own` are flags of this command that are no
    settings. Raises HelpWanted for --help, UsageError and UnknownSetting for what cannot be read.
    """
    parser = _Parser(command, arguments, {entry.flag: entry for entry in own})
    if parser.asks_for_help():
        from trivet.cli.help import render_help

        raise HelpWanted(render_help(command, mode, own))
    return parser.parse()


class _Parser:
    """One pass over the arguments, from left to right."""

    def __init__(self, command: str, arguments: Sequence[str], own: Mapping[str, OwnFlag]) -> None:
        self.command = command
        self.arguments = list(arguments)
        self.own = own
        self.position = 0
        self.parsed = Parsed()

    def asks_for_help(self) -> bool:
        """Whether help is asked for anywhere; also beside a mistake, where help is needed most."""
        before_dashes = self.arguments[: self._index_of_dashes()]
        return any(word in before_dashes for word in HELP_WORDS)

    def parse(self) -> Parsed:
        dashes = self._index_of_dashes()
        while self.position < len(self.arguments):
            argument = self.arguments[self.position]
            self.position += 1
            if self.position - 1 == dashes:
                continue
            if self.position > dashes or not argument.startswith("-") or argument == "-":
                self._app(argument)
            elif argument.startswith("--"):
                flag, equals, value = argument.partition("=")
                self._flag(flag, value if equals else None)
            else:
                # -w4 and -w=4, as argparse reads them.
                self._flag(argument[:2], argument[2:].removeprefix("=") or None, argument)
        return self.parsed

    def _index_of_dashes(self) -> int:
        """Where "--" stands, after which nothing is a flag; past the end when it is not there."""
        return self.arguments.index("--") if "--" in self.arguments else len(self.arguments)

    def _app(self, argument: str) -> None:
        if self.parsed.app:
            raise UsageError(
                f"{argument} is one APP too many, after {self.parsed.app}",
                hint=f"trivet {self.command} takes one application; "
                "a value with spaces in it needs quotes",
            )
        self.parsed.app = argument
        self.parsed.flags["app"] = argument

    def _flag(self, flag: str, value: str | None, typed: str = "") -> None:
        if flag in self.own:
            self._own_flag(self.own[flag], value)
        elif flag in CONFIG_FLAGS:
            from pathlib import Path  # costs some milliseconds where nothing else needs it

            self.parsed.config_file = Path(self._value("--config", "FILE", value))
        elif flag in MEANINGS:
            spec, state = MEANINGS[flag]
            if spec.only_in is not None and self.command in MODES and self.command != spec.only_in:
                raise UnknownSetting(
                    f"trivet {self.command} has no flag {flag}",
                    hint=f"it is a flag of trivet {spec.only_in}",
                )
            if state is None:
                self._setting(spec, value)
            else:
                self._switch(flag, spec, state, value)
        else:
            raise _unknown_flag(self.command, flag, typed, self.own)

    def _switch(self, flag: str, spec: Spec, state: bool, value: str | None) -> None:
        if value is not None:
            raise UsageError(
                f"{flag} takes no value, but was given {value}",
                hint=f"it is {spec.flag} or {spec.negative_flag}",
            )
        self.parsed.flags[spec.name] = state

    def _setting(self, spec: Spec, value: str | None) -> None:
        example = spec.kind.placeholder if not spec.default else spec.kind.show(spec.default)
        text = self._value(spec.flag, example, value)
        given = self.parsed.flags.get(spec.name)
        if not isinstance(spec.kind, ListOf):
            self.parsed.flags[spec.name] = text  # the last wins, so that a script can append flags
        elif isinstance(given, list):
            given.append(text)
        else:
            self.parsed.flags[spec.name] = [text]

    def _own_flag(self, entry: OwnFlag, value: str | None) -> None:
        if value is not None:
            raise UsageError(f"{entry.flag} takes no value after =")
        self.parsed.own[entry.flag] = [
            self._value(entry.flag, " ".join(entry.values), None) for _ in entry.values
        ]

    def _value(self, flag: str, example: str, value: str | None) -> str:
        """The value that came with the flag, or else the next argument."""
        if value is not None:
            return value
        if self.position < len(self.arguments):
            candidate = self.arguments[self.position]
            # "-1" is a value, though a wrong one for most settings; "--threads" was never meant
            # to be one.
            if not candidate.startswith("--") and candidate[:2] not in MEANINGS:
                self.position += 1
                return candidate
        raise UsageError(f"{flag} needs a value", hint=f"such as {flag} {example}")


def _unknown_flag(
    command: str, flag: str, typed: str, own: Mapping[str, OwnFlag]
) -> UnknownSetting:
    from trivet.cli.gunicorn_flags import GUNICORN_FLAGS
    from trivet.settings.nearest import did_you_mean

    if flag in GUNICORN_FLAGS:
        return UnknownSetting(
            f"{flag} is a flag of gunicorn, not of Trivet", hint=GUNICORN_FLAGS[flag]
        )
    # "-workers" is read as "-w orkers" by nobody.
    spelled = typed if len(typed) > 2 else flag
    known = [*MEANINGS, *own, *CONFIG_FLAGS, *HELP_WORDS, *GUNICORN_FLAGS]
    return UnknownSetting(
        f"trivet {command} has no flag {spelled}",
        hint=did_you_mean(spelled, [name for name in known if name.startswith("--")])
        or f"`trivet {command} --help` lists them all",
    )
