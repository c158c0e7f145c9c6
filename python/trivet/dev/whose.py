"""Whose a frame is, and what a person calls its file; knows the project's folders, reads none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from trivet.app.whose_code import is_import_system, is_library, is_of_trivet, package_of

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


class Owners:
    """The project's folders, to tell its files from libraries'."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = tuple(f"{os.path.abspath(root)}{os.sep}" for root in roots)

    def is_project(self, file: str) -> bool:
        """Whether the project's developer can change this file.

        A virtual environment inside the project is none of it; a project that is itself installed
        in one is.
        """
        for root in self._roots:
            if file.startswith(root):
                inside = file[len(root) :].split(os.sep)
                return not any(folder in inside for folder in _PACKAGE_FOLDERS)
        return not is_library(file) and not file.startswith("<frozen ")

    def shown(self, file: str) -> str:
        """The path from the project's folder, or from the folder of installed packages."""
        for root in self._roots[:1]:
            if file.startswith(root) and self.is_project(file):
                return file[len(root) :]
        for folder in _PACKAGE_FOLDERS:
            before, found, inside = file.rpartition(f"{os.sep}{folder}{os.sep}")
            if found and before:
                return inside
        if is_library(file):
            return os.path.basename(os.path.dirname(file)) + os.sep + os.path.basename(file)
        return file

    def package(self, file: str) -> str:
        """The library that a file belongs to, empty for the project."""
        return "" if self.is_project(file) else package_of(file)


def is_noise(file: str) -> bool:
    """Whether a frame says nothing to anybody: Trivet's own, and the import system's."""
    return is_of_trivet(file) or is_import_system(file)
