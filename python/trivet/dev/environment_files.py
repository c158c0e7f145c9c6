"""Variables from `.env` and `.flaskenv`, as Flask loads them; their values are never shown.

The real environment wins over `.env`, and `.env` over `.flaskenv`; each is looked for here and in
the directories above (flask.cli.load_dotenv). python-dotenv reads them, and is not required.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

#: From the weakest to the strongest.
FILES = (".flaskenv", ".env")

SKIP_VARIABLE = "FLASK_SKIP_DOTENV"

#: With any of these the variable says not to skip (flask.helpers.get_load_dotenv).
NOT_SKIPPED = ("0", "false", "no")

INSTALL_TIP = (
    "{files} not loaded: python-dotenv is not installed; pip install python-dotenv, or trivet[dev]"
)


@dataclass(frozen=True, kw_only=True)
class EnvironmentFiles:
    """What the files give."""

    #: What to add to the environment.
    variables: Mapping[str, str]
    #: Each file with the names in it, the strongest first.
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: The files themselves, for whoever watches them.
    paths: tuple[Path, ...] = ()
    #: What is in the way of loading them.
    tip: str = ""

    def apply(self, environ: MutableMapping[str, str]) -> None:
        """Add the variables; what is there already stays."""
        for name, value in self.variables.items():
            environ.setdefault(name, value)


def read_environment_files(directory: Path, environ: Mapping[str, str]) -> EnvironmentFiles:
    """Read the files that Flask would load in this directory. Changes nothing."""
    skip = environ.get(SKIP_VARIABLE, "")
    if skip and skip.lower() not in NOT_SKIPPED:
        return EnvironmentFiles(variables={})
    found = [path for path in (find(directory, name) for name in FILES) if path is not None]
    if not found:
        return EnvironmentFiles(variables={})
    try:
        from dotenv import dotenv_values
    except ImportError:
        files = " and ".join(path.name for path in reversed(found))
        verb = "was" if len(found) == 1 else "were"
        return EnvironmentFiles(
            variables={}, paths=tuple(found), tip=INSTALL_TIP.format(files=f"{files} {verb}")
        )
    variables: dict[str, str] = {}
    names = []
    for path in found:
        values = dotenv_values(path, encoding="utf-8")
        variables |= {name: value for name, value in values.items() if value is not None}
        names.append((_shown(path, directory), tuple(values)))
    return EnvironmentFiles(
        variables={name: value for name, value in variables.items() if name not in environ},
        names=tuple(reversed(names)),
        paths=tuple(found),
    )


def places(directory: Path) -> tuple[str, ...]:
    """The files that are read, and those that would be if they were there."""
    found = {str(file) for name in FILES if (file := find(directory, name)) is not None}
    return tuple(sorted(found | {str(directory / name) for name in FILES}))


def find(directory: Path, name: str) -> Path | None:
    """The nearest file of a name, here or above; dotenv.find_dotenv(usecwd=True) does the same."""
    for folder in (directory, *directory.parents):
        file = folder / name
        try:
            if file.is_file():
                return file
        except OSError:
            continue
    return None


def _shown(path: Path, directory: Path) -> str:
    return os.path.relpath(path, directory)
