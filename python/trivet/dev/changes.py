"""What a changed file means, and whether it has changed at all; nothing is watched here."""

from __future__ import annotations

import hashlib
import os
from pathlib import PurePath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PYTHON = "python"
TEMPLATE = "template"
STATIC = "static"
CSS = "css"
#: Something was installed or removed beside the project.
PACKAGES = "packages"
#: A file of settings, or of variables for the environment.
CONFIGURATION = "configuration"

#: What a change of each kind leads to.
CONSEQUENCES: Mapping[str, str] = {
    PYTHON: "the project's modules are imported again, in a new worker",
    TEMPLATE: "browsers load the page again; frameworks read their templates anew by themselves",
    STATIC: "browsers load the page again",
    CSS: "browsers take the new style sheet without loading the page again",
    PACKAGES: "everything is imported again, in a new worker",
    CONFIGURATION: "the new values are taken, and everything is imported again with them",
}

#: The kind of a file by the end of its name; others mean nothing.
KIND_OF_SUFFIX: Mapping[str, str] = {
    **dict.fromkeys((".py", ".so", ".pyd"), PYTHON),
    **dict.fromkeys(
        (".html", ".htm", ".jinja", ".jinja2", ".j2", ".mako", ".mustache", ".tpl", ".tmpl"),
        TEMPLATE,
    ),
    ".css": CSS,
    **dict.fromkeys(
        (".js", ".mjs", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico"), STATIC
    ),
    **dict.fromkeys((".woff", ".woff2", ".ttf", ".otf", ".wasm", ".webmanifest"), STATIC),
}

#: The kind of a file by a folder that it lies in, where its name says nothing: a mail's text in
#: `templates`, a JSON file in `static`.
KIND_OF_FOLDER: Mapping[str, str] = {"templates": TEMPLATE, "static": STATIC}

#: Leftovers of editors, which come and go with every save.
EDITOR_FILES = ("~", ".swp", ".swx", ".tmp", ".bak", ".orig", ".pyc")

#: Names in a folder of installed packages that come and go with an installation.
INSTALLED_SUFFIXES = (".dist-info", ".egg-info", ".pth", ".egg-link")

#: Larger files are told apart by size and time: reading them at every event would take longer than
#: loading the app.
HASHED_BYTES = 8 * 1024 * 1024


def kind_of(path: str) -> str | None:
    """What a change of this file of a project means; None is nothing."""
    name = os.path.basename(path)
    if name.startswith((".#", "._")) or name.endswith(EDITOR_FILES):
        return None
    kind = KIND_OF_SUFFIX.get(os.path.splitext(name)[1].lower())
    if kind is not None or name.startswith("."):
        return kind
    folders = PurePath(path).parts[:-1]
    return next((KIND_OF_FOLDER[folder] for folder in folders if folder in KIND_OF_FOLDER), None)


class Contents:
    """What files held when they were last looked at. A file that was never looked at is new."""

    def __init__(self) -> None:
        self._digests: dict[str, bytes | None] = {}

    def note(self, paths: Iterable[str]) -> None:
        """Take the files as they are now for known."""
        for path in paths:
            self._digests[path] = digest(path)

    def knows(self, path: str) -> bool:
        return self._digests.get(path) is not None

    def is_doubtful(self, path: str) -> bool:
        """Whether a file is gone or empty that was not: as in the middle of many editors' saves."""
        try:
            empty = os.stat(path).st_size == 0
        except OSError:
            empty = True
        return empty and self._digests.get(path) not in (None, EMPTY)

    def has_changed(self, path: str) -> bool:
        """Whether the file holds something else than at the last look, which this is one of.

        A new time, newer or older, is no change; neither is a file that came and went unseen.
        """
        before, now = self._digests.get(path), digest(path)
        self._digests[path] = now
        return before != now


def digest(path: str) -> bytes | None:
    """What stands for the contents of a file; None when there is none."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > HASHED_BYTES:
                return f"{status.st_size} {status.st_mtime_ns}".encode("ascii")
            return hashlib.blake2b(file.read(), digest_size=16).digest()
    except OSError:
        return None


EMPTY = hashlib.blake2b(b"", digest_size=16).digest()
