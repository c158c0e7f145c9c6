"""The file that the access log is written to, opened again after it was moved; the engine writes.

Opened by the supervisor, which may have more rights than the workers that inherit it.
"""

from __future__ import annotations

import os

from trivet.errors import HostError
from trivet.observe.log_file import open_log_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable


class AccessLogFile:
    """`prepare` is called with the path of a file that was just made. Never closed: workers that
    are forked later need it, and a reload may name it again."""

    def __init__(self, path: str, prepare: Callable[[str], None] | None = None) -> None:
        """Open or make the file. Raises HostError."""
        self.path = os.path.abspath(path)
        self._prepare = prepare
        try:
            self._descriptor = open_log_file(self.path, prepare)
        except OSError as error:
            raise HostError(
                f"access_log_file {self.path} cannot be written: {error.strerror}",
                hint="its directory must exist and be writable for who starts the server",
            ) from error

    def fileno(self) -> int:
        """The descriptor, which keeps its number."""
        return self._descriptor

    def reopen(self) -> None:
        """Go on in the file that has the path now. Raises OSError, and keeps the old one then."""
        descriptor = open_log_file(self.path, self._prepare)
        os.dup2(descriptor, self._descriptor, inheritable=False)
        os.close(descriptor)
