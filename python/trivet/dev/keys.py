"""Single keys from the keyboard, and the terminal left as it was found; what keys mean is not here.

Used in the supervisor's main thread only. The terminal is taken while this process is in its
foreground, and given back when the process stops (Ctrl-Z), goes to the background, lends it to a
debugger, or ends. Ctrl-C and Ctrl-Z go on being signals.
"""

from __future__ import annotations

import os
import signal
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

#: What arrow and function keys send begins with it.
ESCAPE = "\x1b"


class KeyReader:
    """Reads the terminal behind `terminal`, a descriptor that stays the caller's."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._owner = os.getpid()
        # One number for selectors. Behind it is the terminal, or, while we may not read that, the
        # end of a pipe into which nobody writes. poll() looks anew each time; epoll would not.
        self._number = os.dup(terminal)
        self._silence, self._silence_end = os.pipe()
        self._found: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._lent = False
        self._open = False

    def fileno(self) -> int:
        """For a selector that polls: readable when keys wait that this process may read."""
        return self._number

    def open(self) -> None:
        """Take the keyboard, now and whenever this process is continued."""
        self._open = True
        for number, handler in (
            (signal.SIGTSTP, self._on_stop),
            (signal.SIGCONT, self._on_continue),
        ):
            self._handlers[number] = signal.signal(number, handler)
        self._take()

    def close(self) -> None:
        """Give the keyboard back; for the process that opened it. May be called twice."""
        if os.getpid() != self._owner or not self._open:
            return
        self._open = False
        self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for descriptor in (self._number, self._silence, self._silence_end):
            os.close(descriptor)

    def read(self) -> str:
        """The keys that were pressed; call it when fileno() is readable."""
        if self._found is None or not self._in_foreground():
            self._listen_to(self._silence)
            return ""
        try:
            data = os.read(self._number, 256)
        except OSError:
            data = b""
        if not data:  # the terminal is gone, and would be readable for ever
            self._listen_to(self._silence)
        text = data.decode("utf-8", "replace")
        return "" if text.startswith(ESCAPE) else text

    def look(self) -> None:
        """Take the keyboard if it is ours by now: `fg` says nothing to a process that has run on in
        the background. Cheap enough for each line that is written."""
        if self._found is None:
            self._take()

    def lend(self) -> None:
        """Let somebody else read whole lines, such as a debugger in a worker."""
        self._lent = True
        self._give_back()

    def take_back(self) -> None:
        """The end of `lend`."""
        self._lent = False
        self._take()

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:  # not the terminal of this session
            return False

    def _take(self) -> None:
        """From lines to single keys. In the background the system would stop us for trying."""
        if self._lent or self._found is not None or not self._in_foreground():
            return
        try:
            self._found = termios.tcgetattr(self._terminal)
            wanted = termios.tcgetattr(self._terminal)
            wanted[3] &= ~(termios.ICANON | termios.ECHO)  # lflag; ISIG stays
            wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, wanted)
        except termios.error:
            self._found = None
            return
        self._listen_to(self._terminal)

    def _give_back(self) -> None:
        self._listen_to(self._silence)
        found, self._found = self._found, None
        if found is None or not self._in_foreground():
            return  # whoever has the terminal now has set it as they want it
        try:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, found)
        except termios.error:
            pass  # it was closed

    def _listen_to(self, descriptor: int) -> None:
        os.dup2(descriptor, self._number, inheritable=False)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        """SIGTSTP: give the terminal back, and stop as we would have without this handler.

        Workers inherit the handler; they have no terminal to give back.
        """
        if os.getpid() == self._owner:
            self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        # Here it stands still until SIGCONT.
        signal.signal(signal.SIGTSTP, self._on_stop)

    def _on_continue(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._owner:
            self._take()
