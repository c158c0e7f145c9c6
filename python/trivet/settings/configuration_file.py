"""Find and read trivet.toml, or [tool.trivet] of pyproject.toml; merging is done elsewhere."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module

from trivet.errors import ConfigurationUnreadable, ConflictingSettings
from trivet.settings.complaints import invalid, unknown
from trivet.settings.environment import CONFIG_VARIABLE
from trivet.settings.sources import Given, Layer
from trivet.settings.table import FILE_TABLES, SPECS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trivet.settings.table import Mode

OWN_FILE = "trivet.toml"
SHARED_FILE = "pyproject.toml"


@dataclass(eq=False, repr=False)
class ConfigurationFile:
    """The settings of one file, still as TOML gave them. `table` is "" or "tool.trivet"."""

    name: str
    table: str
    content: Mapping[str, object]

    def given(self, mode: Mode) -> Iterator[tuple[str, Given]]:
        """What the file gives in this mode; a wrong entry raises in any mode's table."""
        for key, value in self.content.items():
            if key not in FILE_TABLES:
                yield self._read(key, value, self.place(), Layer.FILE)
        for table, modes in FILE_TABLES.items():
            content = self.content.get(table, {})
            place = self.place(table)
            if not isinstance(content, dict):
                raise invalid_table(place, table)
            for key, value in content.items():
                entry = self._read(key, value, place, Layer.FILE_TABLE)
                if mode in modes:
                    yield entry

    def place(self, table: str = "") -> str:
        """How the file, or a table in it, is called in messages and as a source."""
        names = ".".join(name for name in (self.table, table) if name)
        return f"{self.name} [{names}]" if names else self.name

    def _read(self, key: str, value: object, place: str, layer: int) -> tuple[str, Given]:
        spec = SPECS.get(key)
        if spec is None:
            raise _unknown_key(place, key, value)
        try:
            return key, Given(spec.kind.from_file(value), place, layer)
        except ValueError as complaint:
            raise invalid(spec, key, value, complaint, place) from None


def _unknown_key(place: str, key: str, value: object) -> Exception:
    if isinstance(value, dict):
        tables = " and ".join(f"[{table}]" for table in FILE_TABLES)
        return unknown(f"{place}: there is no table [{key}]", key, FILE_TABLES, f"{tables} exist")
    return unknown(f"{place}: no setting is called {key}", key, SPECS)


def invalid_table(place: str, table: str) -> ConflictingSettings:
    return ConflictingSettings(
        f"{place} is a value, expected a table", hint=f"write [{table}] on a line of its own"
    )


def find(
    directory: Path | str, chosen: Path | str | None, environ: Mapping[str, str]
) -> ConfigurationFile | None:
    """Read the chosen file, or TRIVET_CONFIG, or the one in `directory`; None when there is none.

    Raises ConfigurationUnreadable, and ConflictingSettings when two files in `directory` give
    settings.
    """
    named = chosen if chosen is not None else environ.get(CONFIG_VARIABLE) or None
    if named is not None:
        origin = "--config" if chosen is not None else CONFIG_VARIABLE
        return _read_chosen(os.path.join(directory, named), os.fspath(named), origin)
    own = _read_if_present(os.path.join(directory, OWN_FILE))
    shared = _shared_settings(_read_if_present(os.path.join(directory, SHARED_FILE)), SHARED_FILE)
    if own is not None and shared is not None:
        raise ConflictingSettings(
            f"settings are in two files, {OWN_FILE} and {shared.place()}",
            hint="keep them in one of the two",
        )
    return shared if own is None else ConfigurationFile(OWN_FILE, "", _parse(own, OWN_FILE))


def places(
    directory: Path | str, chosen: Path | str | None, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Where `find` looks: the files, whether they are there or not."""
    named = chosen if chosen is not None else environ.get(CONFIG_VARIABLE) or None
    names = (OWN_FILE, SHARED_FILE) if named is None else (named,)
    return tuple(os.path.join(directory, name) for name in names)


def _read_chosen(path: str, name: str, origin: str) -> ConfigurationFile:
    if path.endswith(".py"):
        raise ConfigurationUnreadable(
            f"{origin} names {name}, but Trivet does not run Python to configure itself",
            hint=f"write the settings into {OWN_FILE}; `trivet settings` shows their names",
        )
    content = _read_if_present(path)
    if content is None:
        raise ConfigurationUnreadable(
            f"there is no file {name}", hint=f"{origin} says where the configuration is"
        )
    if os.path.basename(path) != SHARED_FILE:
        return ConfigurationFile(name, "", _parse(content, name))
    shared = _shared_settings(content, name)
    if shared is None:
        raise ConfigurationUnreadable(
            f"{name} has no table [tool.trivet]", hint=f"{origin} says to take the settings from it"
        )
    return shared


def _read_if_present(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        if os.path.islink(path):
            raise ConfigurationUnreadable(
                f"{path} is a symbolic link to {os.readlink(path)}, which is not there",
                hint="correct the link or remove it",
            ) from None
        return None
    except OSError as error:
        directory = os.path.dirname(path) or os.curdir
        if isinstance(error, PermissionError) and not os.path.lexists(path):
            # Whether the file is there at all cannot be seen.
            raise ConfigurationUnreadable(
                f"the directory {directory} cannot be searched: {error.strerror}",
                hint="let the user that runs Trivet enter it and the directories above it",
            ) from None
        raise ConfigurationUnreadable(f"{path} cannot be read: {error.strerror}") from None


def _shared_settings(content: bytes | None, name: str) -> ConfigurationFile | None:
    # Most projects have a pyproject.toml without our table in it. Looking for the word first
    # saves importing tomllib, about 5 ms of every start.
    if content is None or b"trivet" not in content:
        return None
    tool = _parse(content, name).get("tool")
    table = tool.get("trivet") if isinstance(tool, dict) else None
    return ConfigurationFile(name, "tool.trivet", table) if isinstance(table, dict) else None


def _parse(content: bytes, name: str) -> dict[str, object]:
    # The same module under two names; tomli is a dependency where there is no tomllib yet.
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        parsed: dict[str, object] = toml.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationUnreadable(
            f"{name} is not UTF-8 text: line {line} has the byte 0x{content[error.start]:02x}"
        ) from None
    except toml.TOMLDecodeError as error:
        raise _not_toml(content.decode(), name, str(error)) from None
    return parsed


def _not_toml(text: str, name: str, message: str) -> ConfigurationUnreadable:
    # The message ends in "(at line 3, column 9)" or "(at end of document)".
    reason, _, position = message.partition(" (at line ")
    number = position.partition(",")[0]
    lines = text.splitlines()
    if not number.isdigit() or int(number) > len(lines):
        return ConfigurationUnreadable(f"{name} is not valid TOML: {message}")
    line = lines[int(number) - 1].strip()
    key, equals, value = (part.strip() for part in line.partition("="))
    return ConfigurationUnreadable(
        f"{name}, line {number}, is not valid TOML: {reason[0].lower()}{reason[1:]}",
        details=f"    {line}",
        # The usual mistake: `keep_alive = 5s`.
        hint=f'text needs quotes: {key} = "{value}"' if equals and _is_bare(value) else None,
    )


def _is_bare(value: str) -> bool:
    return bool(value) and not any(character in value for character in "\"'[]{},#= ")
