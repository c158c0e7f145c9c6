"""The WSGI file of a Django project, read from its manage.py; no setting is loaded."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"


class DjangoProject:
    """What manage.py led to: the wsgi.py, if there is one, and a note what was looked at."""

    __slots__ = ("note", "wsgi_file")

    def __init__(self, wsgi_file: Path | None, note: str) -> None:
        self.wsgi_file = wsgi_file
        self.note = note


def find_django(directory: Path, environ: Mapping[str, str]) -> DjangoProject:
    """Return where a Django project in `directory` has its WSGI application.

    The settings are `config.settings` or `config.settings.production`, and `wsgi.py` is beside
    them or further up: startproject writes the first, many projects grow into the second.
    """
    try:
        source = (directory / "manage.py").read_bytes()
    except FileNotFoundError:
        return DjangoProject(None, "manage.py: not there")
    except OSError as error:
        return DjangoProject(None, f"manage.py: cannot be read: {error.strerror}")
    settings = environ.get(SETTINGS_VARIABLE) or _settings_named_in(source)
    if not settings:
        return DjangoProject(None, f"manage.py: sets no {SETTINGS_VARIABLE}")
    parts = settings.split(".")
    for length in range(len(parts), -1, -1):
        file = directory.joinpath(*parts[:length], "wsgi.py")
        if file.is_file():
            return DjangoProject(file, f"manage.py: a Django project with settings {settings}")
    return DjangoProject(None, f"manage.py: no wsgi.py beside the settings {settings}")


def _settings_named_in(source: bytes) -> str:
    """Return the value in `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)`, or nothing."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 2:
            name, value = node.args
            if (
                isinstance(name, ast.Constant)
                and name.value == SETTINGS_VARIABLE
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            ):
                return value.value
    return ""
