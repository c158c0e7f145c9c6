"""Writing to the standard streams of a command, which may be closed, broken or full; no words."""

from __future__ import annotations

import os
import sys

from trivet.errors import HostError


def show(text: str) -> None:
    """Write what the user asked for to standard output, at once; without one nothing happens.

    Raises BrokenPipeError when the reader has left, HostError when it cannot be written.
    """
    if sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_output()
        raise HostError(
            f"standard output cannot be written: {error.strerror or error}",
            hint="look at the disk and the file that it goes to",
        ) from error


def complain(text: str) -> None:
    """Write to standard error; where that cannot be done nobody is left to be told."""
    if sys.stderr is None:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # ValueError is what a closed stream raises
        pass


def give_up_output() -> None:
    """Let what is left in the buffer go nowhere, or Python would complain at exit.

    (Python's documentation of signal, "Note on SIGPIPE".)
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
