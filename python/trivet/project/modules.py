"""Where a module's file is and what it is called when imported; looks at files, imports nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

SOURCE_FOLDER = "src"
"""Where a project with the "src layout" keeps its packages."""


class Module:
    """A module: its importable name, the directory for sys.path, and its file when one is known."""

    __slots__ = ("directory", "file", "name")

    def __init__(self, name: str, directory: Path, file: Path | None) -> None:
        self.name = name
        self.directory = directory
        self.file = file


def of_file(file: Path, top: Path | None = None) -> Module:
    """Return the module that a file is: `blog/shop/__init__.py` is `shop` when blog is no package.

    Goes up as long as there is an `__init__.py`, so that relative imports work (Flask's
    `prepare_import` does the same), or up to `top` when that is given: a Django project's folders
    may be namespace packages. Symbolic links are kept: a `current` link that a deployment turns
    over must lead new workers to the new release.
    """
    path = Path(os.path.abspath(file))
    directory = path.parent
    names = [] if path.name == "__init__.py" else [path.stem]
    while directory != top and (top is not None or (directory / "__init__.py").is_file()):
        if directory == directory.parent:
            break
        names.insert(0, directory.name)
        directory = directory.parent
    return Module(".".join(names), directory, path)


def find(name: str, directory: Path) -> Module | None:
    """Return the module of a dotted name: in `directory`, below its `src`, or installed.

    Returns None when it is nowhere. A part of an installed package that is nowhere is left to the
    import, because such packages may extend their own `__path__`.
    """
    for top in (directory, directory / SOURCE_FOLDER):
        spec = _find_in(name.split("."), [str(top)])
        if spec is not None:
            return Module(name, top, _source_file(spec))
    from importlib.util import find_spec  # rarely needed: most applications are in the project

    try:
        spec = find_spec(name.partition(".")[0])  # of a top-level name: imports nothing
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    inner = _find_in(name.split(".")[1:], spec.submodule_search_locations or [], spec)
    return Module(name, directory, _source_file(inner) if inner else None)


def _find_in(
    names: list[str], places: Iterable[str], spec: ModuleSpec | None = None
) -> ModuleSpec | None:
    """Return the spec of the last of some nested names, asking only the file system."""
    for name in names:
        spec = PathFinder.find_spec(name, list(places))
        if spec is None:
            return None
        places = spec.submodule_search_locations or []
    return spec


def _source_file(spec: ModuleSpec) -> Path | None:
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
