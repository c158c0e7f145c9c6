"""The end of the whole server: gracefully, at once, or because the first start has failed.

All of it runs in the supervisor's only thread. From the beginning of the end on no worker is
started, and the loop runs until the last one has been reaped.
"""

from __future__ import annotations

import os
import time
from functools import partial
from signal import Signals

from trivet.supervisor.crew import LEAST_GRACE_SECONDS
from trivet.worker.messages import NOT_READY, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.errors import TrivetError
    from trivet.supervisor.loop import Supervisor

#: After SIGQUIT, or a second SIGINT, workers have this long before they are killed.
AT_ONCE_SECONDS = 1.0

#: A client that has been answered completes its connection within a round trip. One that does not
#: in this time has been lost, or means no good.
HANDSHAKE_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.01


class Stopping:
    """Ends one supervisor's server."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        #: When the end began, on the monotonic clock.
        self.began: float | None = None
        #: The check of readiness fails already; see `stop`.
        self.is_announced = False
        #: What the first start has failed of.
        self.fatal: TrivetError | None = None

    def stop(self, cause: str) -> None:
        """Let every worker finish its requests, within the graceful timeout, and end.

        With a drain_delay only the readiness ends now, and the rest follows then, or when this is
        called again.
        """
        if self.began is not None:
            return
        supervisor, crew = self._supervisor, self._supervisor.crew
        settings = crew.plan.settings
        delay = settings.drain_delay
        if delay and not self.is_announced and crew.proven:
            self.is_announced = True
            supervisor.log.emit("stop-announced", cause=cause, seconds=delay, pid=os.getpid())
            for child in crew.workers:
                child.tell(Message(NOT_READY))
            supervisor.at(time.monotonic() + delay, partial(self.stop, cause))
            return
        self._begin(max(settings.graceful_timeout, LEAST_GRACE_SECONDS))
        supervisor.log.emit(
            "stopping", cause=cause, seconds=settings.graceful_timeout, pid=os.getpid()
        )
        # Before the workers hear of it: what they take in then is all that there is.
        supervisor.listeners.take_no_more()
        self._drain_workers(time.monotonic() + HANDSHAKE_SECONDS)

    def _drain_workers(self, patience_ends: float) -> None:
        """Tell the workers to end, when the connections that had begun before are complete."""
        supervisor = self._supervisor
        now = time.monotonic()
        if now < patience_ends and supervisor.listeners.are_about_to_be_connected():
            supervisor.at(now + LOOK_AGAIN_SECONDS, partial(self._drain_workers, patience_ends))
            return
        for child in supervisor.crew.processes:
            child.told_to_stop = True
            child.send_signal(Signals.SIGTERM)
        self.close_listeners_when_unused()

    def stop_after_hand_over(self, cause: str) -> None:
        """End gracefully, without a drain_delay: the new server answers at the same addresses."""
        self.is_announced = True
        self.stop(cause)

    def stop_at_once(self, cause: str) -> None:
        """End every worker now, whatever it is doing."""
        self._begin(AT_ONCE_SECONDS)
        self._supervisor.upgrade.give_up(Signals.SIGQUIT)
        self._supervisor.log.emit("stopping-at-once", cause=cause, pid=os.getpid())
        for child in self._supervisor.crew.processes:
            child.told_to_stop = True
            # One that still loads has nothing to lose, and its main thread does not listen.
            child.killed = child.killed or not child.ready
            child.send_signal(Signals.SIGQUIT if child.ready else Signals.SIGKILL)

    def give_up(self, error: TrivetError) -> None:
        """End the first start, because of the first error; others are most likely the same one."""
        if self.fatal is not None or self.began is not None:
            return
        self.fatal = error
        self._begin(AT_ONCE_SECONDS)
        for child in self._supervisor.crew.processes:
            child.told_to_stop = True
            child.send_signal(Signals.SIGTERM)

    def _begin(self, seconds: float) -> None:
        now = time.monotonic()
        if self.began is None:
            self.began = now
            self._supervisor.service_manager.is_stopping("finishing requests")
        self._supervisor.replacing.give_up_reload()
        self._supervisor.upgrade.give_up(Signals.SIGTERM)
        for slot in self._supervisor.crew.slots:
            slot.due = None
        for child in self._supervisor.crew.processes:
            child.kill_at = now + seconds

    def close_listeners_when_unused(self) -> None:
        """Refuse connections from the moment on when nobody would accept them.

        Not earlier: the workers are still taking in the backlog, and what is left would be reset.
        """
        supervisor = self._supervisor
        if self.began is None or supervisor.listeners.closed:
            return
        if all(child.stopped_accepting or child.failed for child in supervisor.crew.workers):
            supervisor.listeners.close()
            supervisor.log.emit("listeners-closed")
