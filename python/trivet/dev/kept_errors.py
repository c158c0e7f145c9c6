"""The last errors of this start, as files: links to them survive reloads; bounded in all ways."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from trivet.dev.report import Cause, Report, from_plain, to_plain

ERRORS_KEPT = 20
LARGEST_FILE = 512 * 1024  # bytes; beyond it the locals go first, then the source

_SUFFIX = ".json"


class KeptErrors:
    """The folder `errors` of the session. Several worker processes write; each takes its number."""

    def __init__(self, state_directory: Path) -> None:
        self._folder = state_directory / "errors"

    def keep(self, report: Report) -> Report:
        """Write the report and return it with its number, or as it was when it cannot be kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, descriptor = self._new_file()
        except OSError:
            return report
        numbered = replace(report, number=number)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_bounded(numbered))
        self._forget_old()
        return numbered

    def read(self, number: int) -> Report | None:
        """Return a kept report, without its console when its process is gone."""
        try:
            plain = json.loads((self._folder / f"{number}{_SUFFIX}").read_text(encoding="utf-8"))
            return from_plain(plain)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def numbers(self) -> list[int]:
        """The numbers of the kept errors, newest first."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        stems = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
        return sorted((int(stem) for stem in stems if stem.isdigit()), reverse=True)

    def _new_file(self) -> tuple[int, int]:
        number = max(self.numbers(), default=0) + 1
        while True:
            try:
                path = self._folder / f"{number}{_SUFFIX}"
                return number, os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:  # another worker was faster
                number += 1

    def _forget_old(self) -> None:
        for number in self.numbers()[ERRORS_KEPT:]:
            try:
                (self._folder / f"{number}{_SUFFIX}").unlink()
            except OSError:
                continue


def _bounded(report: Report) -> str:
    for attempt in (report, _without_variables(report), _bare(report)):
        text = json.dumps(to_plain(attempt), ensure_ascii=True)
        if len(text) <= LARGEST_FILE:
            return text
    return json.dumps(to_plain(replace(_bare(report), request=None, log_lines=(), details=())))


def _without_variables(report: Report) -> Report:
    return _each_cause(
        report,
        lambda cause: replace(
            cause, frames=tuple(replace(frame, variables=()) for frame in cause.frames)
        ),
    )


def _bare(report: Report) -> Report:
    return _each_cause(
        report,
        lambda cause: replace(
            cause,
            message=cause.message[:2_000],
            frames=tuple(replace(frame, variables=(), source=()) for frame in cause.frames),
        ),
    )


def _each_cause(report: Report, change: Callable[[Cause], Cause]) -> Report:
    return replace(report, chain=tuple(change(cause) for cause in report.chain))
