"""Whose a source file is: the user's, an installed package's, Python's own, or Trivet's."""

from __future__ import annotations

import os
import sys

_TRIVET = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_IMPORT_SYSTEM = (
    "<frozen importlib",
    "<frozen zipimport",
    os.path.join(_STANDARD_LIBRARY, "importlib") + os.sep,
)
#: Python puts the folder of a started program first in sys.path: `trivet`'s own has other
#: packages' programs, and modules that were installed as such (bottle.py).
_PROGRAMS = os.path.join(sys.prefix, "bin") + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def is_of_trivet(file: str) -> bool:
    """Return whether a file is Trivet's own."""
    return file.startswith(_TRIVET)


def is_import_system(file: str) -> bool:
    """Return whether a file belongs to what runs between an import and the imported module."""
    return file.startswith(_IMPORT_SYSTEM)


def is_installed(file: str) -> bool:
    """Return whether a file belongs to an installed package."""
    return file.startswith(_PROGRAMS) or any(folder in file for folder in _INSTALLED)


def is_standard_library(file: str) -> bool:
    """Return whether a file belongs to Python; some of its modules are frozen and have no file."""
    return not is_installed(file) and file.startswith((_STANDARD_LIBRARY, "<frozen "))


def is_library(file: str) -> bool:
    """Return whether a file belongs to Python or to an installed package, not to a project."""
    return is_installed(file) or is_standard_library(file)


def is_of_project(file: str) -> bool:
    """Return whether a file is the user's own: no library's, and not Trivet's."""
    return not (is_library(file) or is_of_trivet(file))


def package_of(file: str) -> str:
    """Return the name of the installed package that a file belongs to, or Python's."""
    for folder in (*_INSTALLED, _PROGRAMS):
        if folder in file:
            return file.split(folder)[-1].split(os.sep)[0].removesuffix(".py")
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"
