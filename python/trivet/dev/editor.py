"""The URL that opens a file in the developer's editor: a table of editors, and a map of paths."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote


class Editor(NamedTuple):
    """An editor: the names it goes by, and its URL with {path}, {line} and {column}."""

    name: str
    words: tuple[str, ...]
    url: str


EDITORS: tuple[Editor, ...] = (
    Editor("VS Code", ("code", "vscode", "vs-code"), "vscode://file{path}:{line}:{column}"),
    Editor(
        "VS Code Insiders",
        ("code-insiders", "vscode-insiders"),
        "vscode-insiders://file{path}:{line}:{column}",
    ),
    Editor("VSCodium", ("codium", "vscodium"), "vscodium://file{path}:{line}:{column}"),
    Editor("Cursor", ("cursor",), "cursor://file{path}:{line}:{column}"),
    Editor("Windsurf", ("windsurf",), "windsurf://file{path}:{line}:{column}"),
    Editor("Zed", ("zed", "zeditor"), "zed://file{path}:{line}:{column}"),
    Editor(
        "PyCharm",
        ("pycharm", "charm", "pycharm-community", "pycharm-professional"),
        "pycharm://open?file={path}&line={line}&column={column}",
    ),
    Editor(
        "IntelliJ IDEA", ("idea", "intellij"), "idea://open?file={path}&line={line}&column={column}"
    ),
    Editor(
        "Sublime Text",
        ("subl", "sublime", "sublime_text"),
        "subl://open?url=file://{path}&line={line}&column={column}",
    ),
    Editor(
        "TextMate",
        ("mate", "textmate"),
        "txmt://open?url=file://{path}&line={line}&column={column}",
    ),
    Editor(
        "MacVim", ("mvim", "macvim"), "mvim://open?url=file://{path}&line={line}&column={column}"
    ),
    Editor(
        "Emacs",
        ("emacs", "emacsclient"),
        "emacs://open?url=file://{path}&line={line}&column={column}",
    ),
    Editor("Nova", ("nova",), "nova://open?path={path}&line={line}&column={column}"),
    Editor(
        "Atom",
        ("atom", "pulsar"),
        "atom://core/open/file?filename={path}&line={line}&column={column}",
    ),
)  # fmt: skip - a table, one row an editor

#: Variables that may name an editor, when TRIVET_EDITOR does not; most telling first.
EDITOR_VARIABLES = ("LAUNCH_EDITOR", "VISUAL", "EDITOR")

#: Schemes that run something in the page, or are no editor's.
_FORBIDDEN_SCHEMES = frozenset({"javascript", "data", "vbscript", "blob", "about", "http", "https"})
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*):", re.IGNORECASE)

PathMap = Sequence[tuple[str, str]]


def choose_editor(wanted: str, environ: Mapping[str, str]) -> Editor | None:
    """Return the editor that `wanted` (TRIVET_EDITOR) names or describes, or that is seen around.

    `wanted` is a name of the table, a command line that begins with one, or a URL with {path} and
    {line}. An editor without a URL scheme (vi in a terminal) cannot be opened from a page: None.
    """
    if wanted:
        return _custom(wanted) or _by_word(wanted)
    if environ.get("TERM_PROGRAM") == "vscode":
        return _by_word("cursor" if environ.get("CURSOR_TRACE_ID") else "code")
    for variable in EDITOR_VARIABLES:
        editor = _by_word(environ.get(variable, ""))
        if editor is not None:
            return editor
    return None


def _by_word(command: str) -> Editor | None:
    words = command.split()
    name = os.path.basename(words[0]).lower().removesuffix(".exe") if words else ""
    return next((editor for editor in EDITORS if name in editor.words), None)


def _custom(template: str) -> Editor | None:
    scheme = _SCHEME.match(template)
    if scheme is None or scheme[1].lower() in _FORBIDDEN_SCHEMES:
        return None
    template = template.replace("__FILE__", "{path}").replace("__LINE__", "{line}")
    return Editor("editor", (), template) if "{path}" in template else None


def mapped(path: str, path_map: PathMap) -> str:
    """Return the path on the developer's machine of one in this container; longest prefix first."""
    for here, there in sorted(path_map, key=lambda pair: -len(pair[0])):
        here, there = here.rstrip("/"), there.rstrip("/")
        if path == here or path.startswith(f"{here}/"):
            return there + path[len(here) :]
    return path


def editor_url(editor: Editor, path: str, line: int, column: int, path_map: PathMap) -> str:
    """Return the URL that opens a line, or nothing for what is no file."""
    if path.startswith("<") or not os.path.isabs(path):
        return ""
    place = quote(mapped(path, path_map).replace("\\", "/"), safe="/:")
    if not place.startswith("/"):
        place = f"/{place}"  # C:/shop/app.py
    return (
        editor.url.replace("{path}", place)
        .replace("{line}", str(line))
        .replace("{column}", str(column))
    )


def parse_path_map(pairs: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Split the values of the setting `path_map`, such as /app=/home/me/shop."""
    return tuple((here, there) for here, _, there in (pair.partition("=") for pair in pairs))
