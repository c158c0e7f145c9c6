"""Two ways to tell the same things: a screen for a person, and events for a file or a program.

Both write to the stream of the log. `Terminal` chooses one and adds the keys.
"""

from __future__ import annotations

import os
import time

from trivet.dev import screen
from trivet.dev.request_lines import request_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trivet.dev.failure import Failure
    from trivet.dev.request_lines import SeenRequest
    from trivet.dev.screen import StartFacts
    from trivet.observe.log import Log

#: Without a terminal that says how wide it is.
USUAL_COLUMNS = 80

STILL_LISTENING = "Still listening. The browser shows this error; save again to retry."


class ScreenVoice:
    """Short lines for a person, in as many columns as the terminal has now."""

    def __init__(self, log: Log, now: Callable[[], float] = time.time) -> None:
        self._stream = log.stream
        self._colour = log.colour
        self._now = now

    @property
    def columns(self) -> int:
        """Asked for each line: windows change their size."""
        try:
            assert self._stream is not None
            return os.get_terminal_size(self._stream.fileno()).columns or USUAL_COLUMNS
        except (OSError, ValueError, AssertionError):
            return USUAL_COLUMNS

    def write(self, text: str) -> None:
        """One write for each text, so that lines of workers do not get into it."""
        if self._stream is None:
            return
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # the terminal was closed; SIGHUP says so

    def started(self, facts: StartFacts, *, keys: bool) -> None:
        self.write(screen.start_screen(facts, self.columns, self._colour, keys=keys))

    def ready(self, seconds: float) -> None:
        self.write(screen.ready_line(seconds, self._now(), self.columns, self._colour))

    def changed(self, paths: Sequence[str], action: str) -> None:
        self.write(screen.changed_line(paths, action, self._now(), self.columns, self._colour))

    def reloaded(self, seconds: float, why_cold: str) -> None:
        self.write(screen.reloaded_line(seconds, why_cold, self._now(), self.columns, self._colour))

    def recovered(self, seconds: float, why_cold: str) -> None:
        self.write(
            screen.recovered_line(seconds, why_cold, self._now(), self.columns, self._colour)
        )

    def failed(self, failure: Failure) -> None:
        self._tell(failure, [STILL_LISTENING])

    def raised(self, failure: Failure) -> None:
        self._tell(failure, [failure.url] if failure.url else [])

    def _tell(self, failure: Failure, after: list[str]) -> None:
        self.write(screen.failure_block(failure, after, self._now(), self.columns, self._colour))

    def warmed(self, modules: int, seconds: float) -> None:
        """Nothing that a person waits for."""

    def note(self, text: str) -> None:
        self.write(screen.note_line(text, self._now(), self.columns, self._colour))

    def request(self, request: SeenRequest) -> None:
        self.write(request_line(request, self.columns, self._colour))

    def help(self) -> None:
        self.write(screen.help_screen(self.columns, self._colour))

    def clear(self) -> None:
        self.write("\x1b[2J\x1b[3J\x1b[H")  # ECMA-48, ED and CUP; 3J is xterm's, for scrollback


class LogVoice:
    """The same as events of the log, `key=value` or JSON, one line each."""

    columns = USUAL_COLUMNS

    def __init__(self, log: Log) -> None:
        self._log = log

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line.strip():
                self._log.emit("dev-note", note=line.strip())

    def started(self, facts: StartFacts, *, keys: bool) -> None:
        self._log.emit(
            "dev-started",
            url=" ".join(facts.urls),
            app=facts.app,
            reason=facts.reason,
            workers=facts.workers,
            threads=facts.threads,
            framework=facts.framework,
            env=" ".join(f"{file}:{','.join(names)}" for file, names in facts.environment),
            watch=facts.watch,
            errors=facts.errors,
            console=facts.console_url,
        )
        for note in facts.notes:
            self.note(note)

    def ready(self, seconds: float) -> None:
        self._log.emit("dev-ready", seconds=seconds)

    def changed(self, paths: Sequence[str], action: str) -> None:
        self._log.emit("dev-changed", paths=" ".join(paths), action=action or "reload")

    def reloaded(self, seconds: float, why_cold: str) -> None:
        self._log.emit("dev-reloaded", seconds=seconds, why_cold=why_cold)

    def recovered(self, seconds: float, why_cold: str) -> None:
        self._log.emit("dev-recovered", seconds=seconds, why_cold=why_cold)

    def failed(self, failure: Failure) -> None:
        self._tell("dev-failed", failure)

    def raised(self, failure: Failure) -> None:
        self._tell("dev-exception", failure)

    def _tell(self, event: str, failure: Failure) -> None:
        place = f"{failure.path}:{failure.line}" if failure.path else ""
        hint = f"\nhint: {failure.hint}" if failure.hint else ""
        self._log.emit(
            event,
            error=failure.error,
            place=place,
            source=failure.source,
            url=failure.url,
            detail=failure.traceback + hint,
        )

    def warmed(self, modules: int, seconds: float) -> None:
        self._log.emit("dev-warm", modules=modules, seconds=seconds)

    def note(self, text: str) -> None:
        self._log.emit("dev-note", note=text)

    def request(self, request: SeenRequest) -> None:
        self._log.emit(
            "dev-request",
            method=request.method,
            path=request.path,
            status=request.status,
            ms=request.seconds * 1000,
            view=request.view,
        )

    def help(self) -> None:
        """Nobody presses keys here."""

    def clear(self) -> None:
        """There is no screen."""
