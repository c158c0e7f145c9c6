"""Loads projects that tests write, and catches the errors of those that cannot be loaded."""

from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.app.load import LoadedApp, load_app
from trivet.errors import AppError
from trivet.project.find_app import find_app
from trivet.startup import Startup

WSGI = "def app(environ, start_response): ...\n"


def load(
    directory: Path,
    files: dict[str, str],
    target: str,
    startup: Startup | None = None,
    **environ: str,
) -> LoadedApp:
    choice = find_app(target, write_project(directory, files), {})
    return load_app(choice, startup or Startup(), environ=environ)


def failure(
    directory: Path,
    files: dict[str, str],
    target: str,
    startup: Startup | None = None,
    **environ: str,
) -> AppError:
    with pytest.raises(AppError) as caught:
        load(directory, files, target, startup, **environ)
    return caught.value
