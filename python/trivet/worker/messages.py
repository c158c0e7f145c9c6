"""What a worker and its supervisor tell each other, as lines of text; acting on it is elsewhere.

A line is a kind, and for some kinds a space and a JSON object. A reader may get half a line, or
several at once, so it collects bytes in a LineBuffer.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator, Mapping

READY = "ready"
NOTE = "note"
FAILED = "failed"
STOPPED_ACCEPTING = "stopped-accepting"
RETIRE = "retire"
STUCK = "stuck"
NOT_READY = "not-ready"
FORKED = "forked"
ASK = "ask"
ANSWER = "answer"
TAKE_OVER = "take-over"

#: Every kind of message, and what it means.
MEANINGS = {
    READY: "the app has loaded, and the engine accepts from now on",
    NOTE: "an event for the log that every worker would report; the supervisor writes it once",
    FAILED: "the app could not be loaded: the error and the steps of the start",
    STUCK: "something holds the interpreter: the requests, and the stacks of all threads; sent by "
    "the engine",
    NOT_READY: "to the worker: the check of readiness has to fail from now on",
    STOPPED_ACCEPTING: "nothing waits to be accepted any more: the listeners may be closed",
    RETIRE: "the worker should be replaced: a limit is reached, or threads are lost, says `reason`",
    FORKED: "a preload parent has forked a worker: its `pid`, or the `error`",
    ASK: "from the supervisor: its number, and what it is about (worker/answers.py)",
    ANSWER: "the answer to the question of that number",
    TAKE_OVER: "to the supervisor of a new server: the listening sockets are its own now",
}


class Message:
    """One message: its kind, and data that JSON can carry."""

    __slots__ = ("data", "kind")

    def __init__(self, kind: str, data: Mapping[str, object] | None = None) -> None:
        self.kind = kind
        self.data = dict(data or {})


def encode(message: Message) -> bytes:
    """The message as one line. JSON escapes line breaks, so a line cannot be broken up."""
    if not message.data:
        return f"{message.kind}\n".encode("ascii")
    import json  # an ordinary start carries no data and does not pay for the import

    return f"{message.kind} {json.dumps(message.data, default=str)}\n".encode("ascii")


def decode(line: bytes) -> Message:
    """Read one line without its end; raises ValueError when it is no message."""
    kind, _, data = line.decode("ascii").partition(" ")
    if kind not in MEANINGS:
        raise ValueError(f"no message is called {kind!r}")
    if not data:
        return Message(kind)
    import json

    fields = json.loads(data)
    if not isinstance(fields, dict):
        raise ValueError(f"a message of kind {kind} carries an object")
    return Message(kind, fields)


class LineBuffer:
    """Collects bytes as they come and gives whole lines."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Add what was received; give each line that is complete, without its end."""
        *lines, self._bytes = (self._bytes + received).split(b"\n")
        yield from lines
