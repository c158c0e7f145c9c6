"""Write events as text or JSON, in lines that nobody can forge; events.py has what events exist.

Trivet has its own small log and leaves Python's logging alone: that one belongs to the application.
Supervisor and workers write to the same stream. Each line is one write, so lines do not mix. The
stream of a server does not wait for its reader (patient_stream.py).
"""

from __future__ import annotations

import os
import time

from trivet.observe.events import EVENTS, LEVELS
from trivet.observe.patient_stream import PatientStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol, TextIO

    from trivet.observe.log_file import LogFile

    class Reopened(Protocol):
        """A file that goes on under its path when it was moved."""

        path: str

        def reopen(self) -> None: ...

    class Stream(Protocol):
        """What is needed of a stream."""

        def write(self, text: str, /) -> int: ...
        def flush(self) -> None: ...
        def isatty(self) -> bool: ...
        def fileno(self) -> int: ...


RESET = "\x1b[0m"
DIM = "\x1b[2m"
LEVEL_COLOURS = {"debug": DIM, "info": "", "warning": "\x1b[33m", "error": "\x1b[31m"}

#: Fields with lines of their own below the sentence, such as the frames of an exception.
BLOCK_FIELDS = ("detail",)


class Log:
    """Where Trivet's events go.

    `stream` is usually standard error; `format` is auto, text, json or logfmt; events
    below `level` are left out. `colour` is decided by wants_colour() unless given. `now`
    returns seconds since 1970. `file` takes the place of the stream.
    """

    def __init__(
        self,
        stream: Stream | None,
        format: str = "auto",
        level: str = "info",
        *,
        colour: bool | None = None,
        now: Callable[[], float] = time.time,
        file: LogFile | None = None,
    ) -> None:
        self.stream: Stream | None = stream if file is None else file
        #: The file in the place of the stream, if there is one.
        self.file = file
        stream = self.stream
        self.terminal = is_terminal(stream)
        self.colour = wants_colour(stream, os.environ) if colour is None else colour
        self._now = now
        #: Messages of these levels, also of those that are not written.
        self.counted = {"warning": 0, "error": 0}
        self._shared: memoryview | None = None
        self._lowest = LEVELS.index(level)
        if format == "json":
            self._render = render_json
        elif format == "logfmt":
            self._render = render_logfmt
        elif self.terminal:
            self._render = self._render_for_terminal
        else:
            self._render = render_text
        if isinstance(stream, PatientStream):
            stream.describe_lost = self._describe_lost

    def emit(self, name: str, /, **fields: object) -> None:
        """Write one event of the table. Never raises because of the stream: a full disk, or a
        reader that went away, must not end the server."""
        event = EVENTS[name]
        unknown = fields.keys() - set(event.fields)
        missing = set(event.fields) - fields.keys()
        if unknown or (missing and any("{" + field + "}" in event.template for field in missing)):
            raise ValueError(f"event {name} has the fields {event.fields}, not {tuple(fields)}")
        if event.level in self.counted:
            self._count(event.level)
        if LEVELS.index(event.level) < self._lowest or self.stream is None:
            return
        self._write(self._render(name, fields, self._now()))

    def pass_on(self, lines: Sequence[bytes], worker: int, pid: int, stream: str) -> None:
        """Write lines that a worker has printed, marked as its own, whatever the level.

        In the forms for machines each is an event; in the others its text has a mark in front, and
        nothing in it can look like a line of its own.
        """
        if self.stream is None:
            return
        now = self._now()
        shown = [line.decode("utf-8", "backslashreplace") for line in lines]
        if self._render in (render_json, render_logfmt):
            about = {"worker": worker, "pid": pid, "stream": stream}
            text = "".join(
                self._render("worker-output", {"message": line, **about}, now) for line in shown
            )
        else:
            text = "".join(f"[worker {worker}] {with_tabs(line)}\n" for line in shown)
        self._write(text)

    @property
    def is_behind(self) -> bool:
        """Whether lines wait for the reader."""
        return isinstance(self.stream, PatientStream) and self.stream.has_waiting()

    def _write(self, text: str) -> None:
        stream = self.stream
        assert stream is not None, "without a stream nothing is rendered"
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            # ValueError is what a closed stream raises. There is nowhere left to report it.
            pass

    def finish(self, seconds: float) -> None:
        """At the end of a process: wait so long at most for a reader that has fallen behind."""
        if isinstance(self.stream, PatientStream):
            try:
                self.stream.finish(seconds)
            except OSError:
                pass  # the reader is gone

    def close(self, seconds: float) -> None:
        """The same, and nothing is written from then on."""
        self.finish(seconds)
        if isinstance(self.stream, PatientStream):
            self.stream.close()

    def _describe_lost(self, lines: int) -> str:
        return self._render("log-lines-lost", {"lines": lines, "pid": os.getpid()}, self._now())

    def count_in(self, memory: memoryview) -> None:
        """Count in a worker's shared memory from now on. The main thread logs, nobody else."""
        self._shared = memory

    def _count(self, level: str) -> None:
        self.counted[level] += 1
        if self._shared is not None:
            from trivet.observe.counters import PLACES  # only for a message that is seldom

            numbers = self._shared.cast("Q")
            numbers[PLACES[f"log_{level}s"].start] += 1

    def reopen(self) -> bool:
        """Go on in the file that has the path of the log now; whether there is such a log."""
        if self.file is None:
            return False
        self.reopen_beside(self.file)
        return True

    def reopen_beside(self, file: Reopened) -> None:
        """Open another file again, and tell it here when that fails."""
        try:
            file.reopen()
        except OSError as error:
            why = error.strerror or str(error)
            self.emit("log-not-reopened", path=file.path, pid=os.getpid(), error=why)

    def _render_for_terminal(self, name: str, fields: Mapping[str, object], now: float) -> str:
        return render_for_terminal(name, fields, now, colour=self.colour)


def is_terminal(stream: Stream | TextIO | None) -> bool:
    """Whether a person reads the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def wants_colour(stream: Stream | TextIO | None, environ: Mapping[str, str]) -> bool:
    """Colours only on a terminal that has them, and not for who asked for none (no-color.org)."""
    return is_terminal(stream) and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def printable(value: object) -> str:
    """The value on one line, without characters that could end the line or steer a terminal.

    Everything that Python does not call printable is escaped: control characters, separators of
    lines and paragraphs, marks that change the direction of text, lone surrogates.
    """
    text = three_digits(value) if isinstance(value, float) else str(value)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def with_tabs(text: str) -> str:
    """The same for what an app prints, where tabs stand in columns and do no harm."""
    return text if text.isprintable() else "\t".join(map(printable, text.split("\t")))


def three_digits(number: float) -> str:
    """A number to three digits, and never in the notation of 1e+03."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def render_for_terminal(
    name: str, fields: Mapping[str, object], now: float, *, colour: bool
) -> str:
    """The short form for a person: local time, the sentence, and blocks below it."""
    event = EVENTS[name]
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    sentence = _sentence(name, fields)
    word = f"{event.level}: " if event.level in ("warning", "error") else ""
    paint = LEVEL_COLOURS[event.level] if colour else ""
    line = f"{paint}{word}{sentence}{RESET}" if paint else f"{word}{sentence}"
    return (f"{DIM}{clock}{RESET} " if colour else f"{clock} ") + line + "\n" + _blocks(fields)


def render_text(name: str, fields: Mapping[str, object], now: float) -> str:
    """The form for files and journals: time in UTC, level, name, then `field=value` pairs."""
    pairs = "".join(
        f" {field}={_quoted(printable(value))}"
        for field, value in fields.items()
        if field not in BLOCK_FIELDS
    )
    return f"{timestamp(now)} {EVENTS[name].level} {name}{pairs}\n" + _blocks(fields)


def _record(name: str, fields: Mapping[str, object], now: float) -> dict[str, object]:
    """What the forms for machines say, in their order."""
    return {
        "time": timestamp(now),
        "level": EVENTS[name].level,
        "event": name,
        "message": _sentence(name, fields),
        # Nobody can use more digits than those of a microsecond.
        **{key: round(it, 6) if isinstance(it, float) else it for key, it in fields.items()},
    }


def render_logfmt(name: str, fields: Mapping[str, object], now: float) -> str:
    """Nothing but `field=value` pairs on one line, with the sentence as `message`."""
    record = _record(name, fields, now)
    pairs = (f"{field}={_quoted(printable(value))}" for field, value in record.items())
    return " ".join(pairs) + "\n"


def render_json(name: str, fields: Mapping[str, object], now: float) -> str:
    """One JSON object on one line, with the sentence as `message`."""
    import json  # only who asked for JSON pays for the import

    record = _record(name, fields, now)
    return json.dumps(record, default=str) + "\n"


def timestamp(now: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def _sentence(name: str, fields: Mapping[str, object]) -> str:
    shown = {field: printable(value) for field, value in fields.items()}
    return EVENTS[name].template.format_map(shown)


def _quoted(text: str) -> str:
    if text and not any(character in ' "=\\' for character in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _blocks(fields: Mapping[str, object]) -> str:
    """Blocks keep their lines, and are indented, so that no line of theirs looks like an event."""
    return "".join(
        f"    {printable(line)}\n"
        for field in BLOCK_FIELDS
        for line in str(fields.get(field) or "").splitlines()
    )
