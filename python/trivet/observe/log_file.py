"""A file that the log is written to, and that is opened again after it was moved; log.py writes.

Each process of a server has a descriptor of its own. Lines are appended, each by one write, so
those of several processes do not mix.
"""

from __future__ import annotations

import os
import stat
import sys
from functools import partial

from trivet.errors import HostError
from trivet.observe.patient_stream import PatientStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


def open_log_file(path: str, prepare: Callable[[str], None] | None) -> int:
    """Open or make a file for lines; `prepare` is called with its path if it was made.

    Raises OSError.
    """
    is_new = not os.path.exists(path)
    descriptor = os.open(path, FLAGS, 0o666)
    if is_new and prepare is not None:
        prepare(path)
    # A named pipe, or /dev/stderr. It is ours alone on Linux; elsewhere such paths may lead to
    # what is shared.
    if sys.platform == "linux" and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.set_blocking(descriptor, False)
    return descriptor


class LogFile(PatientStream):
    """The stream of a Log. `prepare` is called with the path of a file that was just made."""

    def __init__(self, path: str, prepare: Callable[[str], None] | None = None) -> None:
        """Open or make the file. Raises HostError."""
        self.path = os.path.abspath(path)
        self._prepare = prepare
        try:
            descriptor = open_log_file(self.path, prepare)
        except OSError as error:
            raise HostError(
                f"log_file {self.path} cannot be written: {error.strerror}",
                hint="its directory must exist and be writable for who starts the server",
            ) from error
        super().__init__(descriptor, partial(os.write, descriptor), partial(os.close, descriptor))

    def reopen(self) -> None:
        """Go on in the file that has the path now. Raises OSError, and keeps the old one then.

        The descriptor keeps its number: a write of another thread goes to the one file or the
        other, and no line is lost.
        """
        descriptor = open_log_file(self.path, self._prepare)
        os.dup2(descriptor, self._descriptor, inheritable=False)
        os.close(descriptor)
