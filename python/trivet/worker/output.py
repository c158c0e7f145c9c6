"""What the app prints: it leaves at once, line by line; and, if it is to be tagged, by two pipes.

Each process does this for itself, before the app is imported. The other end of the pipes is in
supervisor/outputs.py.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress

from trivet.observe.patient_stream import open_not_blocking

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from typing import TextIO

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


def print_lines_at_once(stream: TextIO | None = None) -> None:
    """Let each line leave when it is complete, and whole, as on a terminal.

    Python keeps 8 KiB back when standard output is a pipe or a file: lines come late then, and
    those of a process that is killed never. With PYTHONUNBUFFERED it keeps nothing back, and
    print() writes each of its arguments by itself: lines of several workers then go into each
    other. Standard error is written by lines already.
    """
    stream = stream or sys.stdout
    # A program may have put anything in its place, which has its own ways.
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return
    try:
        reconfigure(line_buffering=True, write_through=False)
    except (OSError, ValueError):
        pass  # closed, or nobody takes what waits in it


class OutputEnds:
    """The ends of two pipes that a worker writes to in the place of its standard streams."""

    def __init__(self, output: int, error: int) -> None:
        self.descriptors = (output, error)

    def take_over(self) -> None:
        """In the worker: from now on everything that is printed goes there, also by what it
        starts."""
        for ours, standard in zip(self.descriptors, (STANDARD_OUTPUT, STANDARD_ERROR), strict=True):
            os.dup2(ours, standard, inheritable=True)
        self.close()

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


class OwnOutput:
    """Standard output and standard error as Trivet was given them, kept for its own use.

    Made before the first fork; workers inherit it, and have their pipes at these numbers.
    """

    def __init__(self) -> None:
        self._kept = (os.dup(STANDARD_OUTPUT), os.dup(STANDARD_ERROR))
        #: For the access log, which does not go through the supervisor.
        self.access_log = self._kept[0]
        # Only a pipe: a file that is opened again has a position of its own.
        if stat.S_ISFIFO(os.fstat(self.access_log).st_mode):
            with suppress(OSError):  # the system does not let it be: the engine asks with poll
                self.access_log = open_not_blocking(self._kept[0])

    def put_back(self) -> None:
        """The supervisor has ended: what is still printed goes where it would have passed it on.

        Otherwise a view that prints would fail, in one of the last requests.
        """
        for kept, standard in zip(self._kept, (STANDARD_OUTPUT, STANDARD_ERROR), strict=True):
            os.dup2(kept, standard, inheritable=True)
