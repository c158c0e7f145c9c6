"""The loop of a process that serves, from the first request to the last; the app is loaded before.

The main thread runs it and nothing else runs there: requests are the engine's and its threads'.
"""

from __future__ import annotations

import selectors
import time
from functools import partial

from trivet.observe.patient_stream import LoopWatch
from trivet.worker.messages import LineBuffer, decode
from trivet.worker.signals import DRAIN, REOPEN_LOGS, STOP, means_stop_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from collections.abc import Callable, Mapping
    from signal import Signals
    from typing import Protocol

    from trivet.engine.serve import RunningRequest
    from trivet.observe.log import Log
    from trivet.worker.messages import Message
    from trivet.worker.signals import SignalInbox

    class ServingEngine(Protocol):
        """What the loop needs of trivet.engine.serve.Engine."""

        def start(self) -> None: ...
        def fileno(self) -> int: ...
        def handle_events(self) -> None: ...

        stopped_accepting: bool
        drained: bool

        def give_memory_back(self) -> None: ...
        def withdraw_readiness(self) -> None: ...
        def drain(self) -> None: ...
        def stop(self) -> None: ...
        def join(self, timeout_seconds: float) -> bool: ...
        def stats(self) -> Mapping[str, int]: ...
        def running(self) -> list[RunningRequest]: ...


#: How long the engine's threads may take to come back from the app after the end.
JOIN_SECONDS = 1.0
JOIN_AT_ONCE_SECONDS = 0.1

#: The shortest time between two messages that connections are scarce.
SCARCE_SECONDS = 10.0

#: The cause of a drain that no signal asked for.
SUPERVISOR_LOST = "the supervisor is gone"


class Outcome:
    """How serving ended: connections that were cut with a request in flight, how long the
    graceful stop took, and the signal that ended it at once, if one did."""

    __slots__ = ("cut", "drain_seconds", "stopped_at_once_by")

    def __init__(self, cut: int, drain_seconds: float, stopped_at_once_by: str) -> None:
        self.cut = cut
        self.drain_seconds = drain_seconds
        self.stopped_at_once_by = stopped_at_once_by


class Scarcity:
    """Notices in the engine's counters that connections are scarce; tells it now and then."""

    def __init__(self, tell: Callable[[int, int], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._told = (0, 0)
        self._told_at: float | None = None

    def look(self, stats: Mapping[str, int]) -> None:
        """The engine asks for this about once a second while connections are scarce."""
        counted = (stats.get("connections_shed", 0), stats.get("accepts_held_back", 0))
        if counted == self._told:
            return
        now = self._clock()
        if self._told_at is not None and now < self._told_at + SCARCE_SECONDS:
            return
        self._tell(counted[0] - self._told[0], counted[1] - self._told[1])
        self._told, self._told_at = counted, now


class ServingLoop:
    """Serves until a signal, or the loss of the supervisor, says to stop. Used once.

    `link` is the socket to the supervisor (None without one); `inbox` is None where no signals can
    be had. With a `drain_delay` the first signal only withdraws the readiness, and the graceful
    stop begins so many seconds later, or at the next signal. `on_drain(cause)` is called when the
    graceful stop begins, and `on_accepted_all()` when nothing waits to be accepted any more.
    `on_scarce(shed, held_back)` is called when there was no room for more connections, with what
    happened since the last call. `on_news()` is called when the engine has told something,
    `on_message` with what the supervisor says, and `on_reopen()` when log files were moved.
    Lines of `log` that wait for their reader are written when it is back.
    """

    def __init__(
        self,
        engine: ServingEngine,
        *,
        graceful_timeout: float,
        inbox: SignalInbox | None,
        actions: Mapping[Signals, str],
        link: socket.socket | None = None,
        on_drain: Callable[[str], None] = lambda cause: None,
        on_accepted_all: Callable[[], None] = lambda: None,
        on_scarce: Callable[[int, int], None] = lambda shed, held_back: None,
        clock: Callable[[], float] = time.monotonic,
        on_news: Callable[[], None] = lambda: None,
        on_message: Callable[[Message], None] = lambda message: None,
        on_reopen: Callable[[], object] = lambda: None,
        drain_delay: float = 0.0,
        on_announced: Callable[[str], None] = lambda cause: None,
        log: Log | None = None,
    ) -> None:
        self._engine = engine
        self._graceful_timeout = graceful_timeout
        self._inbox = inbox
        self._actions = actions
        self._link = link
        self._on_drain = on_drain
        self._on_accepted_all = on_accepted_all
        self._scarcity = Scarcity(on_scarce, clock)
        self._on_news = on_news
        self._on_message = on_message
        self._lines = LineBuffer()
        self._on_reopen = on_reopen
        self._drain_delay = drain_delay
        self._on_announced = on_announced
        self._log = log
        #: When the graceful stop that was announced begins, and its cause.
        self._announced: tuple[float, str] | None = None
        self._drain_began: float | None = None
        self._told_accepted_all = False
        self._stopped_at_once_by = ""

    def run(self) -> Outcome:
        """Return when every request is answered, or must not be waited for any longer."""
        with selectors.DefaultSelector() as selector:
            engine, inbox, link = self._engine, self._inbox, self._link
            selector.register(engine.fileno(), selectors.EVENT_READ, self._hear_engine)
            if inbox is not None:
                hear = partial(self._hear_signals, inbox)
                selector.register(inbox, selectors.EVENT_READ, hear)
            if link is not None:
                hear = partial(self._hear_supervisor, link)
                selector.register(link, selectors.EVENT_READ, hear)
            self._selector = selector
            log_watch = LoopWatch(self._log and self._log.stream, selector)
            while not self._finished():
                log_watch.look()
                for key, _ in selector.select(self._patience_seconds()):
                    key.data()
                engine.give_memory_back()
                if self._announced is not None and time.monotonic() >= self._announced[0]:
                    self._drain(self._announced[1])
                if engine.stopped_accepting and not self._told_accepted_all:
                    self._told_accepted_all = True
                    self._on_accepted_all()
        # An idle connection loses nothing when it is closed.
        cut = 0 if engine.drained else self._waiting_clients()
        engine.stop()
        engine.join(JOIN_SECONDS if engine.drained else JOIN_AT_ONCE_SECONDS)
        return Outcome(cut, self._seconds_since_drain_began() or 0.0, self._stopped_at_once_by)

    def _waiting_clients(self) -> int:
        """How many wait for an answer. Who has got 504 does not, whatever its thread still does."""
        answered = sum(request.why == "timed-out" for request in self._engine.running())
        return max(0, self._engine.stats().get("connections_busy", 0) - answered)

    def _hear_engine(self) -> None:
        self._engine.handle_events()
        self._scarcity.look(self._engine.stats())
        if self._drain_began is None:
            self._on_news()

    def _hear_signals(self, inbox: SignalInbox) -> None:
        for number in inbox.read():
            action = self._actions.get(number)
            if action == REOPEN_LOGS:
                self._on_reopen()
            if action not in (DRAIN, STOP):
                continue
            if means_stop_at_once(number, self._seconds_since_drain_began()):
                self._stopped_at_once_by = number.name
            elif self._drain_delay and self._announced is None and self._drain_began is None:
                self._announced = (time.monotonic() + self._drain_delay, number.name)
                self._engine.withdraw_readiness()
                self._on_announced(number.name)
            else:
                self._drain(number.name)

    def _hear_supervisor(self, link: socket.socket) -> None:
        try:
            received = link.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            received = b""  # a reset is an end like any other
        if received:
            for line in self._lines.feed(received):
                self._on_message(decode(line))
            return
        # Only the supervisor holds the other end, so it has ended, however that happened.
        self._selector.unregister(link)
        self._drain(SUPERVISOR_LOST)

    def _drain(self, cause: str) -> None:
        if self._drain_began is not None:
            return
        self._announced = None
        self._drain_began = time.monotonic()
        self._on_drain(cause)
        self._engine.drain()

    def _finished(self) -> bool:
        if self._stopped_at_once_by:
            return True
        if self._drain_began is None:
            return False
        return self._engine.drained or self._seconds_left() <= 0

    def _seconds_since_drain_began(self) -> float | None:
        return None if self._drain_began is None else time.monotonic() - self._drain_began

    def _seconds_left(self) -> float:
        return self._graceful_timeout - (self._seconds_since_drain_began() or 0.0)

    def _patience_seconds(self) -> float | None:
        """How long to sleep at most; None is until something happens."""
        if self._announced is not None:
            return max(0.0, self._announced[0] - time.monotonic())
        return None if self._drain_began is None else max(0.0, self._seconds_left())
