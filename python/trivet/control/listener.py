"""The listening control socket: made so that nobody else can ever connect, removed at the end.

What is said over it is server.py's.
"""

from __future__ import annotations

import os
import socket
import stat

from trivet.control.place import AUTO, ENDING, OFF, make_private, own_directories
from trivet.errors import HostError
from trivet.host import UNIX_PATH_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

    from trivet.observe.log import Log

#: Connections that may wait while the supervisor is busy, with a fork for instance. Linux refuses
#: a client that does not block when they are too many (EAGAIN in connect(2)).
BACKLOG = 128


class ControlListener:
    """A control socket that listens. `path` is where it is, `place` where it is to be found."""

    def __init__(self, listener: socket.socket, path: str, place: str) -> None:
        self.listener = listener
        self.path = path
        self._identity = _identity(path)
        self._place = place

    def take_place(self) -> None:
        """Be found at the path that was asked for, also when another server was there."""
        if self.path != self._place:
            os.rename(self.path, self._place)
            self.path = self._place

    def close(self) -> None:
        """Close it and remove the file, unless another server has put its own there since."""
        self.listener.close()
        try:
            if _identity(self.path) == self._identity:
                os.unlink(self.path)
        except OSError:
            pass  # somebody has removed it already


def open_control(
    setting: str, environ: Mapping[str, str], log: Log, *, waits: bool = False
) -> ControlListener | None:
    """Listen where the setting says; None when it says off, or auto finds no place.

    With `waits` it is not found there before it takes its place, which another server may have.

    Raises HostError for a path that somebody gave and that cannot be used.
    """
    if setting == OFF:
        return None
    if setting != AUTO:
        try:
            return _listen(os.path.abspath(setting), waits)
        except OSError as error:
            raise HostError(
                f"the control socket {setting} cannot be made: {error.strerror or error}",
                hint="give another path with --control, or --control off",
            ) from error
    reasons = []
    for directory in own_directories(environ, os.getuid()):
        try:
            make_private(directory, os.getuid())
            return _listen(os.path.join(directory, f"{os.getpid()}{ENDING}"), waits)
        except OSError as error:
            reasons.append(str(error))
    log.emit("control-unavailable", reason="; ".join(reasons))
    return None


def _listen(path: str, waits: bool) -> ControlListener:
    """Bind under another name and rename when it listens: who finds the socket can connect."""
    if not waits:
        _refuse_living(path)
    beginning = os.path.join(os.path.dirname(path), f".{os.getpid()}")
    if len(os.fsencode(max(path, beginning, key=len))) > UNIX_PATH_LIMIT:
        raise OSError(f"its path is longer than the {UNIX_PATH_LIMIT} bytes that the system allows")
    listener = socket.socket(socket.AF_UNIX)
    try:
        if os.path.lexists(beginning):
            os.unlink(beginning)
        listener.bind(beginning)
        # Before listen(): until then nobody can connect, whatever the umask was.
        os.chmod(beginning, 0o600)
        listener.listen(BACKLOG)
        if not waits:
            os.rename(beginning, path)
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return ControlListener(listener, beginning if waits else path, path)


def _refuse_living(path: str) -> None:
    """Take the path only from a server that is gone. Raises OSError."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError("there is a file of that name, which is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return  # nobody listens any more; the rename replaces it
    raise OSError("another server listens there")


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino
