"""The file with the number of the supervisor's process: claimed at the start, written when ready.

Whoever waits for the file may signal the process as soon as it is there. Runs in the supervisor.
"""

from __future__ import annotations

import os

from trivet.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.observe.log import Log

#: No file with a number in it is longer; who named another file by mistake keeps it.
LONGEST = 64


class PidFile:
    """The pid file of this process. `predecessor` is a process that may still be named there."""

    def __init__(self, path: str, log: Log, predecessor: int = 0) -> None:
        """Refuse a file that names a living process, and prepare the new one beside it.

        Raises HostError, here and not when the server is ready: then it would be too late.
        """
        self._path = os.path.abspath(path)
        self._prepared = f"{self._path}.{os.getpid()}"
        self._owner = os.getpid()
        self._identity: tuple[int, int] | None = None
        try:
            named = _read(self._path)
            if named and named not in (os.getpid(), predecessor) and _lives(named):
                raise HostError(
                    f"pid_file {self._path} names process {named}, which is running",
                    hint=f"stop that server with `kill {named}`, or choose another pid_file; if "
                    "it is no server, remove the file",
                )
            if named and named != predecessor:
                log.emit("pid-file-stale", path=self._path, pid=named)
            with open(self._prepared, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            raise HostError(
                f"pid_file {self._path} cannot be written: {error.strerror}",
                hint="its directory must exist and be writable for who starts the server",
            ) from error

    def write(self) -> None:
        """Put the file in its place, whole at once, when the server is ready."""
        if self._identity is not None:
            return
        try:
            status = os.stat(self._prepared)
            os.replace(self._prepared, self._path)
            self._identity = status.st_dev, status.st_ino
        except OSError:
            pass  # the directory was removed since; the server itself is as it should be

    def remove(self) -> None:
        """Remove what this process has written, unless somebody else has put another in its place.

        May be called twice, and by a child, where it does nothing.
        """
        if os.getpid() != self._owner:
            return
        try:
            if self._identity is None:
                os.unlink(self._prepared)
                return
            status = os.stat(self._path)
            if self._identity == (status.st_dev, status.st_ino):
                os.unlink(self._path)
        except OSError:
            pass  # gone already


def _read(path: str) -> int:
    """The number in a pid file, 0 when there is none. Raises HostError for what is no pid file."""
    try:
        with open(path, "rb") as file:
            text = file.read(LONGEST + 1).strip()
    except FileNotFoundError:
        return 0
    if not text:
        return 0
    if len(text) > LONGEST or not text.isdigit():
        raise HostError(
            f"pid_file {path} exists and holds something else than the number of a process",
            hint="choose another path, or remove the file if nobody needs it",
        )
    return int(text)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
