"""Changes in folders as the Linux kernel tells them: inotify(7); what they mean is not here.

Through ctypes, because a process that waits in the kernel costs nothing: the library `watchfiles`,
which is used elsewhere, wakes up in each of its steps, a hundred times a second for a save to be
seen at once.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

# <sys/inotify.h>, with its own names
IN_MODIFY = 0x00000002
IN_ATTRIB = 0x00000004
IN_CLOSE_WRITE = 0x00000008
IN_MOVED_FROM = 0x00000040
IN_MOVED_TO = 0x00000080
IN_CREATE = 0x00000100
IN_DELETE = 0x00000200
IN_DELETE_SELF = 0x00000400
IN_MOVE_SELF = 0x00000800
IN_Q_OVERFLOW = 0x00004000
IN_IGNORED = 0x00008000
IN_ONLYDIR = 0x01000000

#: All that may change what a folder holds; not that somebody reads.
CHANGES = (
    IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO
    | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
)  # fmt: skip

#: What is told of a file when its contents are whole, or gone.
NOBODY_WRITES = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE

#: struct inotify_event without its name: wd, mask, cookie, len.
_HEAD = struct.Struct("iIII")
_READ_BYTES = 65536

#: What the system says when a user has no watch or no queue left, and where its limit is.
LIMITS = {
    errno.ENOSPC: "fs.inotify.max_user_watches",
    errno.EMFILE: "fs.inotify.max_user_instances",
}


class NoneLeft(Exception):
    """The system gives this user no more watches; the text says so."""


class Overflow(Exception):
    """More has changed than the kernel's queue holds: some changes were not told."""


def is_there() -> bool:
    """Whether this system has inotify."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "inotify_init1")


class Inotify:
    """Watches folders, not what lies below them. One thread; `fileno()` is for poll().

    Raises NoneLeft when the user has used up what the system allows.
    """

    def __init__(self) -> None:
        self._c = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._c.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise _refusal(ctypes.get_errno())
        #: By the kernel's number of a watch.
        self._folders: dict[int, str] = {}
        #: Files that somebody has emptied or begun to write, and not closed yet.
        self.being_written: set[str] = set()

    def __enter__(self) -> Inotify:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def watch(self, folder: str) -> None:
        """Watch a folder; once more does nothing. What is gone or may not be read is left out."""
        number = self._c.inotify_add_watch(
            self._descriptor, os.fsencode(folder), CHANGES | IN_ONLYDIR
        )
        if number >= 0:
            self._folders[number] = folder
        elif (code := ctypes.get_errno()) in LIMITS:
            raise _refusal(code)

    def read(self) -> set[str]:
        """Files and folders that something has happened to; never waits. Raises Overflow."""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return set()
        changed, at = set(), 0
        while at < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            if mask & IN_Q_OVERFLOW:
                raise Overflow
            folder = self._folders.get(number)
            if folder is not None:
                path = os.path.join(folder, name) if name else folder
                changed.add(path)
                if mask & IN_MODIFY:
                    self.being_written.add(path)
                elif mask & NOBODY_WRITES:
                    self.being_written.discard(path)
            if mask & IN_IGNORED:  # the folder is gone, and its number may be given anew
                self._folders.pop(number, None)
        return changed


def _refusal(code: int) -> Exception:
    if code in LIMITS:
        return NoneLeft(f"this user may watch no more: {LIMITS[code]} is used up")
    return OSError(code, os.strerror(code))
