"""Read gunicorn.conf.py and GUNICORN_CMD_ARGS as gunicorn does; what becomes of it is mapping.py's.

The file is Python and is run, in the process that asks: the supervisor, when a server starts.
"""

from __future__ import annotations

import os
import sys

from trivet.errors import ConfigurationUnreadable
from trivet.foreign.gunicorn import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "GUNICORN_CMD_ARGS"

#: In the place of a file: only the variable is read.
NO_FILE = "-"


def read(file: str, environ: Mapping[str, str]) -> list[tuple[str, object]]:
    """What the file and then the variable give, by gunicorn's names. Raises TrivetError."""
    values: dict[str, object] = {}
    if file != NO_FILE:
        found = _run(file)
        values.update((name, found[name]) for name in SETTINGS if name in found)
    values.update(read_arguments(environ.get(VARIABLE, "")))
    return list(values.items())


def _run(file: str) -> dict[str, object]:
    import runpy

    # gunicorn has the directory in which it starts on the path.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        if file.startswith("python:"):
            return runpy.run_module(file.removeprefix("python:"))
        return runpy.run_path(_path(file), run_name="__config__")
    except Exception as error:
        if isinstance(error, OSError) and error.filename == os.path.abspath(_path(file)):
            raise ConfigurationUnreadable(
                f"{file} cannot be read: {error.strerror}",
                hint="give a file, python:MODULE, or - for GUNICORN_CMD_ARGS alone",
            ) from error
        raise ConfigurationUnreadable(
            f"{file} cannot be run: {type(error).__name__}: {error}", details=_where(error)
        ) from error


def _path(file: str) -> str:
    return file.removeprefix("file:")


def _where(error: Exception) -> str:
    """The lines of the user's files that have led to it, without runpy's own."""
    import runpy
    from traceback import extract_tb, format_exception_only, format_list

    if isinstance(error, SyntaxError):
        return "".join(format_exception_only(error))
    frames = [
        frame
        for frame in extract_tb(error.__traceback__)
        if not (
            frame.filename.startswith("<frozen") or frame.filename in (__file__, runpy.__file__)
        )
    ]
    return "".join(format_list(frames))


def read_arguments(text: str) -> dict[str, object]:
    """Flags of gunicorn on one line. Raises ConfigurationUnreadable for what is none."""
    import shlex

    flags = {flag: row for row in SETTINGS.values() for flag in row.flags}
    values: dict[str, object] = {}
    left = shlex.split(text)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            values["wsgi_app"] = word
            continue
        flag, equals, value = word.partition("=")
        if not word.startswith("--") and len(word) > 2:
            flag, equals, value = word[:2], "=", word[2:].removeprefix("=")
        row = flags.get(flag)
        if row is None:
            raise ConfigurationUnreadable(f"{VARIABLE} has {flag}, which is no flag of gunicorn")
        if not row.takes_value:
            values[row.name] = row.constant
            continue
        if not equals and not left:
            raise ConfigurationUnreadable(f"{VARIABLE}: {flag} needs a value")
        given = value if equals else left.pop(0)
        earlier = values.get(row.name)
        # Flags that may be given again make a list.
        several = row.name in ("bind", "raw_env", "reload_extra_files")
        values[row.name] = (
            [*(earlier if isinstance(earlier, list) else []), given] if several else given
        )
    return values
