"""What is noted about a request while it runs: log lines, body, the error a framework swallowed.

Each app thread has its own, found through a context variable. The body and the log are bounded.
"""

from __future__ import annotations

import contextvars
import logging
from collections import deque
from collections.abc import Iterator
from contextvars import Context, ContextVar
from typing import Any

from trivet.dev.masking import mask_inside

MOST_LOG_LINES = 200
LONGEST_LOG_LINE = 2_000  # characters
LARGEST_BODY_KEPT = 64 * 1024  # bytes: enough for forms and JSON; uploads are cut

Environ = dict[str, Any]


class Noted:
    """One request in flight. Used by the one thread that runs the request."""

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.log_lines: deque[str] = deque(maxlen=MOST_LOG_LINES)
        self.log_lines_seen = 0
        self.body = BodyCopy(environ.get("wsgi.input"))
        #: The exception that a framework is about to answer with a page of its own.
        self.swallowed: BaseException | None = None
        #: The context of the view that raised: in it `request` and `g` of Flask are what they were.
        self.context: Context | None = None
        #: What a framework's hook has found out while that was possible.
        self.facts: Any = None

    def note_error(self, error: BaseException, *, swallowed: bool) -> None:
        """Called by a framework's hook, in the view's context."""
        self.context = contextvars.copy_context()
        if swallowed:
            self.swallowed = error

    def log(self, line: str) -> None:
        self.log_lines_seen += 1
        self.log_lines.append(line)

    @property
    def log_lines_left_out(self) -> int:
        return self.log_lines_seen - len(self.log_lines)


class BodyCopy:
    """wsgi.input, with a copy of the first 64 KiB that the app has read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.kept = bytearray()
        self.was_cut = False

    def _keep(self, data: bytes) -> bytes:
        room = LARGEST_BODY_KEPT - len(self.kept)
        self.kept += data[:room]
        self.was_cut = self.was_cut or len(data) > room
        return data

    def read(self, *size: Any) -> bytes:
        return self._keep(self._stream.read(*size))

    def readline(self, *size: Any) -> bytes:
        return self._keep(self._stream.readline(*size))

    def readlines(self, *hint: Any) -> list[bytes]:
        return [self._keep(line) for line in self._stream.readlines(*hint)]

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; whatever the stream below has of its own, what was read is seen."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            yield self._keep(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_current: ContextVar[Noted | None] = ContextVar("trivet_dev_request", default=None)


def begin(environ: Environ) -> Noted:
    """Note what happens in this thread from now on for this request."""
    noted = Noted(environ)
    _current.set(noted)
    return noted


def end() -> None:
    _current.set(None)


def resume(noted: Noted) -> None:
    """The thread goes on with this request, whose body is an iterator."""
    _current.set(noted)


def current() -> Noted | None:
    return _current.get()


_FORMAT = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")


def watch_logging() -> None:
    """See every record that any logger accepts, in the process from now on. Once is enough.

    Not a handler of the root logger: with one there, basicConfig() of the app would do nothing,
    and Flask would not add its own handler.
    """
    original = logging.Logger.callHandlers
    if getattr(original, "is_of_trivet", False):
        return

    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        noted = _current.get()
        if noted is not None:
            noted.log(_line(record))
        original(logger, record)

    call_handlers.is_of_trivet = True  # type: ignore[attr-defined] # a mark on a function
    setattr(logging.Logger, "callHandlers", call_handlers)  # noqa: B010 - mypy knows a method there


def _line(record: logging.LogRecord) -> str:
    try:
        # The formatter would add the traceback, which the page shows better.
        stripped = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
        text = _FORMAT.format(stripped)
    except Exception as error:  # noqa: BLE001 - a wrong % in the app's call; logging reports it too
        text = f"{record.levelname} {record.name}: {record.msg!r} ({type(error).__name__})"
    cut = f"{text[:LONGEST_LOG_LINE]}…" if len(text) > LONGEST_LOG_LINE else text
    return mask_inside(cut)
