"""The frames that this process can be asked about, and the way to those of the other workers.

A frame's id carries the pid of its process: `pid-error-cause-frame`. Each worker that has frames
listens on a Unix socket in the session's private folder, in one daemon thread, started with the
first error. Whichever worker gets the browser's request passes it on to the holder. One line of
JSON goes each way. Access was decided before; the folder (0700) keeps other users out.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from types import FrameType

from trivet.dev.evaluate import LONGEST_CODE, Answer, Console
from trivet.dev.memory import give_memory_back

ERRORS_HELD = 20
ERRORS_BETWEEN_CLEANING = 10
SECONDS_FOR_AN_EVALUATION = 600.0  # a person waits; whoever leaves frees the thread with the page
_LONGEST_MESSAGE = 8 * LONGEST_CODE
_LONGEST_SOCKET_PATH = 100  # bytes; sun_path has 108 on Linux and 104 on macOS
_ID = re.compile(r"([0-9]{1,10})-([0-9]{1,10}-[0-9]{1,4}-[0-9]{1,6})\Z")

GONE = (
    "The process that raised this error has been replaced, and its frames with it:"
    " repeat the request to get new ones."
)


class Consoles:
    """Frames of the last errors of this process, and who else may have others."""

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory
        self._lock = threading.Lock()
        #: Error → the consoles or frames of it by the rest of the id. Guarded by the lock.
        self._errors: OrderedDict[int, dict[str, FrameType | Console]] = OrderedDict()
        self._contexts: dict[int, Context | None] = {}
        self._count = 0
        self._listening_for = 0

    def hold(
        self, chain: list[list[FrameType | None]], context: Context | None = None
    ) -> list[list[str]]:
        """Keep the frames of an error's chain; return their ids, empty where there is no frame.

        The oldest error beyond the last 20 is let go: frames keep everything alive that they reach.
        """
        self._listen()
        with self._lock:
            self._count += 1
            number = self._count
            held: dict[str, FrameType | Console] = {}
            ids = []
            for cause, frames in enumerate(chain):
                names = []
                for place, frame in enumerate(frames):
                    rest = f"{number}-{cause}-{place}"
                    if frame is not None:
                        held[rest] = frame
                    names.append(f"{os.getpid()}-{rest}" if frame is not None else "")
                ids.append(names)
            self._errors[number] = held
            self._contexts[number] = context
            while len(self._errors) > ERRORS_HELD:
                oldest, _ = self._errors.popitem(last=False)
                self._contexts.pop(oldest, None)
        if number > ERRORS_HELD and number % ERRORS_BETWEEN_CLEANING == 0:
            give_memory_back()
        return ids

    def ask(self, frame: str, code: str) -> Answer | None:
        """Evaluate in a frame of any worker; None when its process or error is gone."""
        match = _ID.match(frame)
        if match is None:
            return None
        if int(match[1]) == os.getpid():
            return self._evaluate(match[2], code)
        return self._forward(int(match[1]), frame, code)

    def _evaluate(self, rest: str, code: str) -> Answer | None:
        number = int(rest.partition("-")[0])
        with self._lock:
            held = self._errors.get(number, {})
            found = held.get(rest)
            if isinstance(found, FrameType):
                found = held[rest] = Console(found, self._contexts.get(number))
        return found.run(code) if found is not None else None

    def _forward(self, pid: int, frame: str, code: str) -> Answer | None:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(SECONDS_FOR_AN_EVALUATION)
                with short_path(self._directory, f"console-{pid}.sock") as path:
                    connection.connect(path)
                connection.sendall(json.dumps([frame, code]).encode() + b"\n")
                answer = json.loads(_read_line(connection))
        except (OSError, ValueError):
            return None
        return Answer(**answer) if isinstance(answer, dict) else None

    def _listen(self) -> None:
        """Open this process's socket, once; after a fork the child opens its own."""
        with self._lock:
            if self._listening_for == os.getpid():
                return
            self._listening_for = os.getpid()
            self._errors.clear()  # a parent's: their ids carry its pid
            listener = socket.socket(socket.AF_UNIX)
            name = f"console-{os.getpid()}.sock"
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                (self._directory / name).unlink(missing_ok=True)
                with short_path(self._directory, name) as path:
                    listener.bind(path)
                os.chmod(self._directory / name, 0o600)
                listener.listen(16)
            except OSError:
                listener.close()  # this worker's own requests still reach its frames
                return
        threading.Thread(
            target=self._serve, args=(listener,), name="trivet-console", daemon=True
        ).start()

    def _serve(self, listener: socket.socket) -> None:
        """Runs in the daemon thread until the process ends."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # One thread an evaluation: one that waits must not hold up the others.
            threading.Thread(
                target=self._answer, args=(connection,), name="trivet-console-answer", daemon=True
            ).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(SECONDS_FOR_AN_EVALUATION)
                frame, code = json.loads(_read_line(connection))
                match = _ID.match(frame)
                answer = self._evaluate(match[2], code) if match is not None else None
                plain = vars(answer) if answer is not None else None
                connection.sendall(json.dumps(plain).encode() + b"\n")
            except (OSError, ValueError, TypeError):
                return


def _read_line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) < _LONGEST_MESSAGE:
        piece = connection.recv(64 * 1024)
        if not piece:
            break
        received += piece
    return bytes(received)


@contextmanager
def short_path(directory: Path, name: str) -> Iterator[str]:
    """Yield a path for a Unix socket that fits, also when the folder's own is too long."""
    path = str(directory / name)
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH or not os.path.isdir("/proc/self/fd"):
        yield path
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)
