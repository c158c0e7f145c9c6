"""What the processes of `trivet dev` tell each other, as lines of text; acting is elsewhere.

The lines are those of worker/messages.py, with more kinds. Connections travel beside them, through
hand_over.py.
"""

from __future__ import annotations

import json
import socket
import threading

from trivet.worker.messages import LineBuffer, Message, encode

# From a worker
READY = "ready"
FAILED = "failed"
LOADED = "loaded"
NOTE = "note"
REQUEST = "request"
EXCEPTION = "exception"
KEYBOARD = "keyboard"
LEFT = "left"

# To a worker
GO = "go"
CHANGED = "changed"

# From the watcher
WATCHING = "watching"
SEEN = "seen"

# To the watcher
ALSO = "also"

# From the warm parent
WARM = "warm"
COLD = "cold"
FORKED = "forked"
ENDED = "ended"

# To the warm parent
FORK = "fork"
IMPORT = "import"

#: Every kind of message, and what it means.
MEANINGS = {
    READY: "worker: it serves; `failed` says whether all it has is the page of an error",
    FAILED: "worker: the app could not be loaded, and why",
    LOADED: "worker: modules outside the project, and files of the project, that were imported",
    NOTE: "worker, watcher: an event for the log, or a text for the terminal",
    REQUEST: "worker: a request was answered: method, path, status, ms, view",
    EXCEPTION: "worker: a view has raised: the exception and the last frame of the project",
    KEYBOARD: "worker: `wanted` says whether somebody in it reads lines from the terminal",
    LEFT: "worker: it was told to go, and accepts no connection any more",
    GO: "to a worker: give the connections away, finish what has begun, end",
    CHANGED: "to a worker: files changed that need no restart: `kind`, `paths`, `number`",
    WATCHING: "watcher: it watches from now on: how, why so, and how many files of each kind",
    SEEN: "watcher: these files have new contents: pairs of kind and path",
    ALSO: "to the watcher: files to watch whatever .gitignore says",
    WARM: "warm parent: it has imported so many modules and can fork",
    COLD: "warm parent: it cannot be used, and why; it ends",
    FORKED: "warm parent: the worker that was ordered has this pid",
    ENDED: "warm parent: a worker that it forked has ended with this status",
    FORK: "to the warm parent: fork a worker; its two sockets come along",
    IMPORT: "to the warm parent: import these modules too",
}


class Link:
    """One end of a socket pair that carries messages both ways.

    `send` may be called by any thread. `receive` never waits when the socket does not block.
    """

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.hung_up = False
        self._lines = LineBuffer()
        self._sending = threading.Lock()

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def send(self, kind: str, /, **data: object) -> None:
        """Say something. Whoever has gone misses nothing by not hearing it."""
        line = encode(Message(kind, data))
        with self._sending:
            try:
                # A line is far smaller than the socket's buffer, and both ends always read.
                self.socket.setblocking(True)
                self.socket.sendall(line)
            except OSError:
                pass  # the end of the link is noticed where it is read

    def receive(self) -> list[Message]:
        """What has come since; sets `hung_up` when no more can come. Raises ValueError for what is
        no message.
        """
        received: list[Message] = []
        while not self.hung_up:
            try:
                data = self.socket.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                data = b""  # a reset is an end like any other
            self.hung_up = not data
            received += self.feed(data)
        return received

    def feed(self, data: bytes) -> list[Message]:
        """The messages that these bytes complete."""
        return [decode(line) for line in self._lines.feed(data)]


def texts(message: Message, name: str) -> list[str]:
    """A list of texts that a message carries."""
    found = message.data.get(name)
    return [str(text) for text in found] if isinstance(found, list) else []


def decode(line: bytes) -> Message:
    """Read one line without its end; raises ValueError when it is no message."""
    kind, _, data = line.decode("ascii").partition(" ")
    if kind not in MEANINGS:
        raise ValueError(f"no message is called {kind!r}")
    fields = json.loads(data) if data else {}
    if not isinstance(fields, dict):
        raise ValueError(f"a message of kind {kind} carries an object")
    return Message(kind, fields)
