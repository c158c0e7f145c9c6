"""What to do about an exception of the user's own code, where that can be known; raises nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from trivet.app.user_frames import file_of_last_frame

# os.environ is written in Python: its KeyError is raised in here, that of a dict is not.
_ENVIRON_FILE = type(os.environ).__getitem__.__code__.co_filename


def hint_for(error: BaseException, environ: Mapping[str, str]) -> str | None:
    """Return what to do about an error of the user's code, where that can be known."""
    file = file_of_last_frame(error)
    if isinstance(error, SystemExit):
        return "a module that is served must not end the process; look below `__main__` for it"
    if isinstance(error, KeyError) and file == _ENVIRON_FILE and error.args[0] not in environ:
        return (
            f"set {error.args[0]} in the environment of the server; Trivet does not read .env files"
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top in sys.modules:
            return None  # the package is there: a part of it is not, and the message names it
        if os.path.exists(os.path.join(os.path.dirname(file), f"{top}.py")):
            return f"{top}.py is beside {os.path.basename(file)}: `from . import {top}` finds it"
        return f"install what has {top!r} for {sys.executable}, or correct the import"
    return None
