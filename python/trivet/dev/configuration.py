"""Files of settings and variables that change while `trivet dev` runs: what is new, by name.

Nothing is watched or started here. Values are never told: some are secrets.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from trivet.dev.environment_files import FILES
from trivet.settings.table import SPECS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence

    from trivet.dev.environment_files import EnvironmentFiles
    from trivet.settings.resolve import Resolved
    from trivet.settings.table import Settings

#: What a new worker, or one worker more, can take up. So can it every setting of the engine; all
#: others count from the next start on.
TAKEN_UP_BY_WORKERS = frozenset(
    {
        "app", "workers", "threads", "graceful_timeout", "reload_grace", "console", "editor",
        "path_map", "refresh",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The files as they are at one moment."""

    resolved: Resolved
    files: EnvironmentFiles
    #: The environment with the variables of the files in it.
    environ: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a new reading leads to."""

    #: With the values of the first start where these count until the next one.
    settings: Settings
    #: Sentences for the terminal.
    notes: tuple[str, ...]
    #: Whether workers would notice it.
    concerns_workers: bool


class Configuration:
    """The reading that counts, and how to make the next. Used by the supervisor."""

    def __init__(self, read: Callable[[], Reading], paths: tuple[str, ...]) -> None:
        self._read = read
        #: What to watch, whether it is there or not.
        self.paths = paths
        self.reading = read()
        #: The settings that are in use.
        self.settings = self.reading.resolved.settings

    def read_again(self) -> Reading:
        """Read the files. Raises TrivetError for what is wrong in them; nothing is changed."""
        return self._read()

    def take(self, reading: Reading, settings: Settings, environ: MutableMapping[str, str]) -> None:
        """From now on this reading counts."""
        change_environment(environ, self.reading.files.variables, reading.files.variables)
        self.reading = reading
        self.settings = settings

    def compare(self, reading: Reading, paths: Sequence[str]) -> Change:
        """What is new in a reading that was made because these files changed."""
        before, after = self.settings, reading.resolved.settings
        told_before = self.reading.resolved.settings
        changed = [name for name in SPECS if getattr(before, name) != getattr(after, name)]
        live = [name for name in changed if is_live(name)]
        later = [name for name in changed if name not in live]
        variables = difference(self.reading.files.variables, reading.files.variables)
        notes = [f"variables: {', '.join(variables)}"] if variables else []
        if live:
            notes.append(f"changed settings: {', '.join(live)}")
        # Once is enough, for whoever goes on editing the file.
        newly = [name for name in later if getattr(told_before, name) != getattr(after, name)]
        if newly:
            notes.append(f"changed for the next start of trivet dev: {', '.join(newly)}")
        # An app may read these two files by itself.
        own_reader = any(Path(path).name in FILES for path in paths)
        return Change(
            settings=replace(after, **{name: getattr(before, name) for name in later}),
            notes=tuple(notes),
            concerns_workers=bool(live or variables or own_reader),
        )


def is_live(setting: str) -> bool:
    """Whether a setting can change without a new start."""
    return SPECS[setting].engine or setting in TAKEN_UP_BY_WORKERS


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What has become of variables, by name."""
    words = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            words.append(f"{name} is new")
        elif name not in after:
            words.append(f"{name} is gone")
        elif before[name] != after[name]:
            words.append(f"{name} changed")
    return words


def change_environment(
    environ: MutableMapping[str, str], before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Take variables of the files out that are in them no more, and put the new ones in.

    Neither mapping has a name that the real environment has: that one wins.
    """
    for name in before.keys() - after.keys():
        environ.pop(name, None)
    environ.update(after)


def all_paths(*groups: Sequence[str]) -> tuple[str, ...]:
    """The files of all groups, each once."""
    return tuple(dict.fromkeys(os.path.abspath(path) for group in groups for path in group))
