"""A stream for the log that never waits for its reader: what is not taken is kept, then counted.

A pipe whose reader has stopped would block whoever writes: no signal, no restart, no stop. The
descriptor that a process was given is shared with others (a shell, the app, other programs), and
O_NONBLOCK belongs to all who share it (open(2): it is of the open file description). So it is never
set there; each kind of file has another way not to wait:

    a pipe, a terminal   opened again by /proc/self/fd, not blocking, for Trivet alone
    a socket             MSG_DONTWAIT, which is of one call only (systemd's journal is a socket)
    where neither works  poll(2), then at most PIPE_BUF bytes, which a pipe that is writable takes
    a regular file       as ever: nobody reads there who could stop

The supervisor and its workers share what was opened again, and all of them write in this way.
"""

from __future__ import annotations

import _thread
import os
import select
import stat
import time
from collections import deque
from functools import partial
from selectors import EVENT_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable
    from selectors import BaseSelector

    #: Writes what is taken at once, and returns how much; raises BlockingIOError for nothing.
    Write = Callable[[bytes], int]

#: What a reader that has stopped may cost in memory before lines are dropped. The access log
#: keeps as much (crates/trivet-server/src/access_log.rs).
MOST_WAITING_BYTES = 1024 * 1024

#: POSIX asks for 512 at least; a pipe that poll(2) calls writable takes so much without blocking.
PIPE_BUF = select.PIPE_BUF


class PatientStream:
    """The stream of a Log. Any thread may write; lines that wait belong to one process alone.

    `write_at_once` writes to `descriptor` without waiting, and `release` closes what was opened for
    that. `describe_lost` makes the line that tells, at their place, how many were dropped.
    """

    def __init__(
        self,
        descriptor: int,
        write_at_once: Write,
        release: Callable[[], None],
        most_waiting_bytes: int = MOST_WAITING_BYTES,
    ) -> None:
        self._descriptor = descriptor
        self._write_at_once = write_at_once
        self._release = release
        self._most_waiting_bytes = most_waiting_bytes
        self.describe_lost: Callable[[int], str] = lambda lines: ""
        self._begin_empty()

    def _begin_empty(self) -> None:
        self._process = os.getpid()
        self._lock = _thread.allocate_lock()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._lost_lines = 0

    def has_waiting(self) -> bool:
        """Whether lines of this process wait for the reader."""
        return bool(self._waiting) and self._process == os.getpid()

    @property
    def waiting_bytes(self) -> int:
        return self._waiting_bytes if self.has_waiting() else 0

    def write(self, text: str) -> int:
        """Write whole lines, or keep them. Raises OSError when nobody can ever read them."""
        if self._process != os.getpid():
            # Forked: what waits is the parent's to write, and its lock may be held for ever.
            self._begin_empty()
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            if self._waiting and self._waiting_bytes + len(data) > self._most_waiting_bytes:
                self._lost_lines += data.count(b"\n")
            else:
                self._tell_of_lost()
                self._keep(data)
            self._write_what_waits()
        return len(text)

    def flush(self) -> None:
        """Write what waits, as far as it is taken. Raises OSError as write() does."""
        if self.has_waiting():
            with self._lock:
                self._write_what_waits()

    def finish(self, seconds: float) -> None:
        """Wait so long at most for the reader to take what waits; for the end of a process."""
        until = time.monotonic() + seconds
        while self.has_waiting():
            self.flush()
            left = until - time.monotonic()
            if not self.has_waiting() or left <= 0:
                return
            _can_write(self._descriptor, left)

    def close(self) -> None:
        """Close what was opened for this stream; from then on, write() raises ValueError."""
        self._release()
        self._write_at_once = _refuse
        self._release = _nothing
        self._waiting.clear()
        self._waiting_bytes = 0

    def fileno(self) -> int:
        """To be watched for writing while lines wait."""
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def _keep(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def _tell_of_lost(self) -> None:
        if self._lost_lines:
            told, self._lost_lines = self.describe_lost(self._lost_lines), 0
            self._keep(told.encode("utf-8", "backslashreplace"))

    def _write_what_waits(self) -> None:
        while self._waiting:
            line = self._waiting[0]
            try:
                written = self._write_at_once(line)
            except BlockingIOError:
                return
            except OSError:
                # The reader is gone, or the disk is full: it will not be better for the others.
                self._waiting.clear()
                self._waiting_bytes = 0
                raise
            self._waiting_bytes -= written
            if written < len(line):
                self._waiting[0] = line[written:]
                continue
            self._waiting.popleft()
            if not self._waiting:
                self._tell_of_lost()


def patient_stream(descriptor: int, most_waiting_bytes: int = MOST_WAITING_BYTES) -> PatientStream:
    """Write where `descriptor` leads, which stays open, and as it is for all who share it."""
    return PatientStream(*_way_to_write(descriptor), most_waiting_bytes)


class LoopWatch:
    """Lets a loop write the lines of a log that wait, as soon as their reader is back."""

    def __init__(self, stream: object, selector: BaseSelector) -> None:
        self._stream = stream if isinstance(stream, PatientStream) else None
        self._selector = selector
        self._is_watched = False

    def look(self) -> None:
        """Before each sleep of the loop. The selector's data are functions to call."""
        if self._stream is None or self._stream.has_waiting() == self._is_watched:
            return
        self._is_watched = not self._is_watched
        if self._is_watched:
            self._selector.register(self._stream.fileno(), EVENT_WRITE, self._write)
        else:
            self._selector.unregister(self._stream.fileno())

    def _write(self) -> None:
        assert self._stream is not None, "only a stream that waits is watched"
        try:
            self._stream.flush()
        except OSError:
            pass  # nobody will ever read them


def open_not_blocking(descriptor: int) -> int:
    """The pipe or terminal behind a descriptor, opened again so that writing does not block.

    Raises OSError where the system does not let it be: no /proc, another user's, no reader left.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    return os.open(f"/proc/self/fd/{descriptor}", flags)


def _way_to_write(descriptor: int) -> tuple[int, Write, Callable[[], None]]:
    """The descriptor to watch, the way to write that does not wait, and the way to close; see the
    module's text.

    Always a descriptor of our own: where output is tagged, a worker has another in the old place.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        own = os.dup(descriptor)
        return own, partial(os.write, own), partial(os.close, own)
    if stat.S_ISSOCK(mode):
        import socket  # every server has it; a command that only prints has not

        peer = socket.socket(fileno=os.dup(descriptor))
        return peer.fileno(), lambda data: peer.send(data, socket.MSG_DONTWAIT), peer.close
    try:
        reopened = open_not_blocking(descriptor)
    except OSError:
        own = os.dup(descriptor)
        return own, partial(_write_when_writable, own), partial(os.close, own)
    return reopened, partial(os.write, reopened), partial(os.close, reopened)


def _nothing() -> None:
    pass


def _refuse(data: bytes) -> int:
    raise ValueError("the stream is closed")


def _write_when_writable(descriptor: int, data: bytes) -> int:
    if not _can_write(descriptor, 0.0):
        raise BlockingIOError
    # A blocking write returns when all is written, so it must be no more than is sure to fit.
    return os.write(descriptor, data[:PIPE_BUF])


def _can_write(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))
