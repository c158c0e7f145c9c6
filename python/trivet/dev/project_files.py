"""Which files of the project are worth watching: .gitignore, folders of tools; reading only names.

Runs in the watcher's process. The library `pathspec` reads .gitignore; without it only the folders
below are left out.
"""

from __future__ import annotations

import os
from pathlib import Path

from trivet.dev.changes import CONFIGURATION, PYTHON, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

#: Folders that are never the project's own code.
NEVER = frozenset(
    {
        ".git", ".hg", ".svn", ".jj", "node_modules", "__pycache__", ".venv", "venv", ".tox",
        ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".idea", ".vscode",
        ".eggs", "site-packages", "dist-packages", ".direnv", ".pixi",
    }
)  # fmt: skip

#: A file of a virtual environment, whatever the environment's folder is called.
ENVIRONMENT_FILE = "pyvenv.cfg"


class ProjectFiles:
    """The files below `roots`, with patterns of extra files and of files to leave out."""

    def __init__(
        self,
        roots: Sequence[Path],
        extra: Sequence[str] = (),
        ignore: Sequence[str] = (),
        configuration: Sequence[str] = (),
    ) -> None:
        self.roots = [os.path.abspath(root) for root in roots]
        self._extra = [os.path.join(self.roots[0], pattern) for pattern in extra]
        self._own_spec = _spec(ignore)
        #: Watched whatever .gitignore says, and before there are such files.
        self._configuration = configuration
        self._specs: dict[str, Any] = {}
        #: By root: the folder whose .gitignore is the uppermost that counts.
        self._uppermost: dict[str, str] = {}
        #: Files that were imported although .gitignore names them, such as local settings.
        self.also: set[str] = set()

    @property
    def reads_gitignore(self) -> bool:
        return _pathspec() is not None

    def kind(self, path: str) -> str | None:
        """What a change of the file means; None when it is not watched."""
        if path in self._configuration:
            return CONFIGURATION
        if path in self.also or self._is_extra(path):
            return PYTHON
        root = self._root_of(path)
        if root is None:
            return None
        kind = kind_of(os.path.relpath(path, root))
        return None if kind is None or self._is_left_out(path, root) else kind

    def folders(self) -> Iterator[str]:
        """Every folder to watch, the roots first."""
        for folder, _, _ in self._walk_all():
            yield folder
        for path in [*self.also, *self._extra, *self._configuration]:
            folder = os.path.dirname(path)
            if os.path.isdir(folder):
                yield folder

    def files(self) -> Iterator[tuple[str, str]]:
        """Every watched file that there is, with its kind."""
        for folder, names, root in self._walk_all():
            inside = os.path.relpath(folder, root)
            for name in names:
                # Cheap first: most names mean nothing.
                kind = kind_of(f"{inside}/{name}")
                if kind is None:
                    continue
                path = os.path.join(folder, name)
                if path in self.also or self._is_extra(path):
                    yield path, PYTHON
                elif not self._is_left_out(path, root, parents=False):
                    yield path, kind
        for path in self._extra_files():
            yield path, PYTHON
        for path in self._configuration:
            yield path, CONFIGURATION

    def is_watched_folder(self, path: str) -> bool:
        root = self._root_of(path)
        return root is not None and os.path.isdir(path) and not self._is_left_out(path + "/", root)

    def forget_gitignore(self) -> None:
        """Read the files again: one of them has changed."""
        self._specs.clear()
        self._uppermost.clear()

    def _extra_files(self) -> Iterator[str]:
        import glob

        yield from sorted(self.also)
        for pattern in self._extra:
            yield from glob.iglob(pattern, recursive=True)

    def _is_extra(self, path: str) -> bool:
        import fnmatch

        return any(fnmatch.fnmatch(path, pattern) for pattern in self._extra)

    def _root_of(self, path: str) -> str | None:
        return next((root for root in self.roots if path.startswith(root + os.sep)), None)

    def _walk_all(self) -> Iterator[tuple[str, list[str], str]]:
        """Every folder once, with its names and the root that it was reached from."""
        for root in self.roots:
            for folder, folders, names in os.walk(root):
                folders[:] = [
                    name
                    for name in folders
                    # One root may lie in another one: its own rules hold for it.
                    if (path := os.path.join(folder, name)) not in self.roots
                    and not self._is_left_out(f"{path}/", root, parents=False)
                ]
                yield folder, names, root

    def _is_left_out(self, path: str, root: str, *, parents: bool = True) -> bool:
        """Whether a file, or a folder (with a slash at its end), is not the project's own code."""
        is_folder = path.endswith("/")
        parts = os.path.relpath(path, root).split(os.sep)
        prefix = root
        for position, part in enumerate(parts):
            prefix = os.path.join(prefix, part)
            last = position == len(parts) - 1
            if not (parents or last):
                continue
            directory = is_folder or not last
            if directory and (
                part in NEVER
                or part.endswith(".egg-info")
                or os.path.exists(os.path.join(prefix, ENVIRONMENT_FILE))
            ):
                return True
            if self._is_ignored(prefix + ("/" if directory else ""), root):
                return True
        return False

    def _is_ignored(self, path: str, root: str) -> bool:
        """What patterns of the settings and .gitignore say of this very path."""
        if self._own_spec is not None and self._own_spec.match_file(os.path.relpath(path, root)):
            return True
        if root not in self._uppermost:
            self._uppermost[root] = self._uppermost_for(root)
        return self._gitignore_says(path, self._uppermost[root])

    def _uppermost_for(self, root: str) -> str:
        """The repository; the root where that ignores it: else no file of the app were watched."""
        repository = _repository(root)
        for folder in _upwards(root, repository):
            if folder != repository and self._gitignore_says(f"{folder}/", repository):
                return root
        return repository

    def _gitignore_says(self, path: str, uppermost: str) -> bool:
        """Whether a path is ignored: the .gitignore that is nearest to it decides."""
        folder = os.path.dirname(path.rstrip("/"))
        for place in _upwards(folder, uppermost):
            spec = self._spec_in(place)
            if spec is None:
                continue
            relative = os.path.relpath(path, place) + ("/" if path.endswith("/") else "")
            include = spec.check_file(relative).include
            if include is not None:
                return bool(include)
        return False

    def _spec_in(self, folder: str) -> Any:
        if folder not in self._specs:
            try:
                lines = Path(folder, ".gitignore").read_text(errors="replace").splitlines()
            except OSError:
                lines = []
            self._specs[folder] = _spec(lines)
        return self._specs[folder]


def _upwards(folder: str, last: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if folder == last or above == folder:
            return
        folder = above


def _repository(root: str) -> str:
    """The folder above which no .gitignore counts: the repository, or else the root itself."""
    folder = root
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return root
        folder = above
    return folder


def _pathspec() -> Any:
    try:
        import pathspec
    except ImportError:
        return None
    return pathspec


def _spec(lines: Iterable[str]) -> Any:
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    library = _pathspec()
    return library.GitIgnoreSpec.from_lines(lines) if lines and library is not None else None
