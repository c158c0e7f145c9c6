"""Signals as bytes to select on, and what each means to a process that serves; acting is elsewhere.

CPython runs signal handlers in the main thread, between two bytecodes of whatever runs there. So no
handler here does anything: the C half of the interpreter writes the signal's number to a pipe, at
once and safely, and a loop reads it when it is ready for it.
"""

from __future__ import annotations

import os
import signal
from signal import Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterable, Mapping
    from types import FrameType
    from typing import Any

DRAIN = "drain"
STOP = "stop"
REOPEN_LOGS = "open log files again"
IGNORE = "ignore"

#: A worker below a supervisor. Ctrl-C in a terminal goes to the whole process group, and a
#: terminal that goes away sends SIGHUP to all of it: what that means is for the supervisor to say.
WORKER_ACTIONS: Mapping[Signals, str] = {
    Signals.SIGTERM: DRAIN,
    Signals.SIGQUIT: STOP,
    Signals.SIGINT: IGNORE,
    Signals.SIGHUP: IGNORE,
    Signals.SIGUSR1: REOPEN_LOGS,
}

#: The only process, without a supervisor; a second SIGINT stops at once.
SINGLE_PROCESS_ACTIONS: Mapping[Signals, str] = {
    Signals.SIGTERM: DRAIN,
    Signals.SIGINT: DRAIN,
    Signals.SIGQUIT: STOP,
}

#: While the app is being imported, the main thread is the app's. SIGTERM then keeps the default
#: action, which needs no cooperation: nothing is being served yet that could be lost.
LOADING_SIGNALS = tuple(number for number in WORKER_ACTIONS if number != Signals.SIGTERM)

#: A terminal sends one SIGINT to the whole group, and tools such as `make` or `docker` pass on
#: their own: two that come within this time are one Ctrl-C.
SAME_KEYPRESS_SECONDS = 0.1


def means_stop_at_once(signal_number: Signals, seconds_since_stop_began: float | None) -> bool:
    """Whether a signal ends a graceful stop, given how long ago that began (None: not yet)."""
    if signal_number == Signals.SIGQUIT:
        return True
    return (
        signal_number == Signals.SIGINT
        and seconds_since_stop_began is not None
        and seconds_since_stop_began >= SAME_KEYPRESS_SECONDS
    )


class SignalInbox:
    """Collects signals of this process for a loop; as a context manager it restores the handlers.

    Must be used by the main thread (CPython lets no other set handlers). The handlers are functions
    rather than SIG_IGN, because a program that the app executes inherits what is ignored, and would
    then be deaf to Ctrl-C; a handler is reset to the default by exec (signal(7)).
    """

    def __init__(self, signals: Iterable[Signals]) -> None:
        self._signals = list(signals)
        self._previous: dict[Signals, Any] = {}
        self._reading_end = self._writing_end = self._previous_wakeup = -1

    def open(self) -> None:
        """Begin to collect. Raises ValueError in any thread but the main one."""
        self._reading_end, self._writing_end = os.pipe()
        os.set_blocking(self._reading_end, False)
        os.set_blocking(self._writing_end, False)
        try:
            # A full pipe is no news: what is in it wakes the loop already.
            self._previous_wakeup = signal.set_wakeup_fd(
                self._writing_end, warn_on_full_buffer=False
            )
        except ValueError:
            self.close_descriptors()
            raise
        for number in self._signals:
            self._previous[number] = signal.signal(number, _leave_it_to_the_loop)

    def close(self) -> None:
        """Put back the handlers and the wakeup descriptor that were there before."""
        for number, handler in self._previous.items():
            # None stands for a handler that was not set from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        self.close_descriptors()

    def close_descriptors(self) -> None:
        """In a process that was just forked: close its copies and leave the handlers to others."""
        os.close(self._reading_end)
        os.close(self._writing_end)

    def __enter__(self) -> SignalInbox:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._reading_end

    def read(self) -> list[Signals]:
        """The signals that have come since, in their order; empty when there are none."""
        try:
            # Larger than any burst: equal signals that are pending are one.
            received = os.read(self._reading_end, 4096)
        except BlockingIOError:
            return []
        return [Signals(number) for number in received if number in self._signals]

    def claim(self, signals: Iterable[Signals]) -> list[Signals]:
        """Take signals over after other code has run; the ones that it had taken for itself."""
        taken = []
        signal.set_wakeup_fd(self._writing_end, warn_on_full_buffer=False)
        for number in signals:
            before = signal.signal(number, _leave_it_to_the_loop)
            if number not in self._previous:
                self._previous[number] = before
                self._signals.append(number)
            if before not in (_leave_it_to_the_loop, signal.SIG_DFL, signal.default_int_handler):
                taken.append(number)
        return taken


def forget_inherited_handlers(signals: Iterable[Signals]) -> None:
    """In a process that was just forked, with signals blocked: let go of the parent's inbox.

    Without this a signal to the child would be written into the pipe that it shares with its
    parent, and the parent would act on it.
    """
    signal.set_wakeup_fd(-1)
    for number in signals:
        signal.signal(number, signal.SIG_DFL)


def _leave_it_to_the_loop(signal_number: int, frame: FrameType | None) -> None:
    """Nothing: the number is in the pipe by the time this runs."""
