"""Writes small projects for tests; the tests say what is in them."""

import textwrap
from pathlib import Path


def write_project(directory: Path, files: dict[str, str]) -> Path:
    """Write each file of a project, its text without common indentation; returns the directory."""
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return directory
