"""Keep the workers running: start, hear, replace and stop them; how each is done is in child.py.

One process, one thread, one loop that sleeps until a signal, a worker or a clock wakes it. It
serves no request and imports nothing of the app, so nothing of the app can break it.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from signal import Signals

from trivet.errors import HostError, TrivetError, WorkersKeepFailing
from trivet.supervisor import restart
from trivet.supervisor.child import Child, reap_strangers, start_child
from trivet.supervisor.failure import rebuild_error
from trivet.supervisor.signals import ACTIONS, IGNORE, REASONS_TO_IGNORE, STOP, STOP_AT_ONCE
from trivet.worker import messages
from trivet.worker.open_files import has_run_out, too_few_files
from trivet.worker.signals import SignalInbox, means_stop_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.observe.log import Log
    from trivet.supervisor.sockets import Listeners
    from trivet.worker.main import WorkerPlan
    from trivet.worker.messages import Message

#: After SIGQUIT, or a second SIGINT, workers have this long before they are killed.
AT_ONCE_SECONDS = 1.0

#: With a graceful timeout of nearly nothing, workers still get to say what they cut.
LEAST_GRACE_SECONDS = 1.0

#: An import that takes longer is told once, or nothing would say why the server does not answer.
STILL_LOADING_SECONDS = 10.0

#: The first process of a container inherits every orphan in it, and must take their statuses.
CONTAINER_INIT = 1


class Slot:
    """The place of one worker, which outlives the processes that fill it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.child: Child | None = None
        #: When to start the next one, on the monotonic clock.
        self.due: float | None = None
        self.early_ends = 0


class Supervisor:
    """Runs `workers` workers on `listeners` until it is told to stop. Used once."""

    def __init__(
        self, workers: int, listeners: Listeners, plan: WorkerPlan, log: Log, began: float
    ) -> None:
        self._listeners = listeners
        self._plan = plan
        self._log = log
        self._graceful_timeout = plan.settings.graceful_timeout
        self._slots = [Slot(number) for number in range(1, workers + 1)]
        #: When the start began, on the monotonic clock.
        self._began = began
        #: Whether any worker was ever ready. Until then a failure ends the server: somebody who
        #: has just typed the command, or a deployment, is waiting to hear of it.
        self._proven = False
        self._announced = False
        self._fatal: TrivetError | None = None
        self._stop_began: float | None = None
        self._kill_at: float | None = None
        self._written_notes: set[str] = set()

    def run(self) -> int:
        """Run until every worker has ended; the exit code. Main thread only.

        Raises the error of the app when it cannot be loaded at the first start.
        """
        # Not epoll: workers are forked, and would share what is registered.
        with selectors.PollSelector() as self._selector, SignalInbox(ACTIONS) as self._inbox:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ACTIONS)
            self._selector.register(self._inbox, selectors.EVENT_READ)
            self._start_all(self._slots)
            while self._children() or not self._ending:
                for key, _ in self._selector.select(self._patience_seconds()):
                    if key.data is not None:
                        self._hear(key.data)
                self._hear_signals()
                # Not only after SIGCHLD: of equal pending signals one comes, and asking is cheap.
                self._reap_all()
                self._keep_time()
        self._listeners.close()
        if self._fatal is not None:
            raise self._fatal
        self._log.emit("stopped", seconds=time.monotonic() - (self._stop_began or self._began))
        return 0

    # What is so

    @property
    def _ending(self) -> bool:
        return self._stop_began is not None

    def _children(self) -> list[Child]:
        return [slot.child for slot in self._slots if slot.child is not None]

    def _silent_children(self) -> list[Child]:
        """The workers that load the app, and of which nothing has been said yet."""
        return [child for child in self._children() if child.is_loading and not child.slow_told]

    def _patience_seconds(self) -> float | None:
        """How long to sleep at most; None is until something happens."""
        moments = [slot.due for slot in self._slots if slot.due is not None]
        moments += [child.started + STILL_LOADING_SECONDS for child in self._silent_children()]
        if self._kill_at is not None:
            moments.append(self._kill_at)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    # Workers that begin

    def _start_all(self, slots: list[Slot]) -> None:
        """Start workers until one cannot be, or a signal says to stop: forking many takes long."""
        for slot in slots:
            self._hear_signals()
            if self._ending:
                return
            self._start(slot)

    def _start(self, slot: Slot) -> None:
        slot.due = None
        try:
            child = start_child(slot.number, self._plan, self._children(), self._let_go_in_child)
        except OSError as error:
            self._start_failed(slot, error)
            return
        slot.child = child
        self._selector.register(child.link, selectors.EVENT_READ, slot)
        self._log.emit("worker-started", worker=slot.number, pid=child.pid)

    def _start_failed(self, slot: Slot, error: OSError) -> None:
        if not self._proven:
            self._give_up(
                too_few_files()
                if has_run_out(error)
                else HostError(
                    f"the system lets no worker process be started: {error.strerror}",
                    hint="look at the limits of processes (ulimit -u, pids.max) and memory",
                )
            )
            return
        self._log.emit("fork-failed", worker=slot.number, error=error.strerror or str(error))
        self._schedule(slot, False, 0.0)

    def _let_go_in_child(self) -> None:
        """Runs in a worker just after the fork: closes its copies of what is the supervisor's."""
        self._inbox.close_descriptors()

    def _warn_of_slow_imports(self, now: float) -> None:
        for child in self._silent_children():
            if now - child.started >= STILL_LOADING_SECONDS:
                child.slow_told = True
                self._log.emit(
                    "worker-still-loading",
                    worker=child.number,
                    pid=child.pid,
                    app=self._plan.app_name,
                    seconds=now - child.started,
                )

    def _worker_is_ready(self, child: Child) -> None:
        child.ready = self._proven = True
        self._log.emit(
            "worker-ready", worker=child.number, pid=child.pid, seconds=child.lived_seconds
        )
        everyone = all(slot.child is not None and slot.child.ready for slot in self._slots)
        if everyone and not self._announced and not self._ending:
            self._announced = True
            seconds = time.monotonic() - self._began
            self._log.emit("server-ready", seconds=seconds, pid=os.getpid())

    # What workers say

    def _hear(self, slot: Slot) -> None:
        child = slot.child
        if child is None or child.link.fileno() < 0:
            return  # it ended while earlier news of the same round were handled
        try:
            received = child.hear()
        except ValueError as error:
            # The link can no longer be trusted, so the worker has to go.
            self._log.emit(
                "worker-bug",
                worker=child.number,
                pid=child.pid,
                error=f"it sent what is no message: {error}",
            )
            child.send_signal(Signals.SIGKILL)
            received = []
        for message in received:
            self._handle_message(child, message)
        if child.hung_up:
            self._let_go_of_link(child)

    def _let_go_of_link(self, child: Child) -> None:
        if child.link.fileno() >= 0:
            self._selector.unregister(child.link)
            child.link.close()

    def _handle_message(self, child: Child, message: Message) -> None:
        match message.kind:
            case messages.READY:
                self._worker_is_ready(child)
            case messages.NOTE:
                self._write_note(message)
            case messages.FAILED:
                self._worker_failed(child, message)
            case messages.STOPPED_ACCEPTING:
                child.stopped_accepting = True
                self._close_listeners_when_unused()

    def _write_note(self, message: Message) -> None:
        """Log what every worker notices in the app, once."""
        fields = message.data.get("fields")
        key = f"{message.data.get('event')} {fields}"
        if key in self._written_notes or not isinstance(fields, dict):
            return
        self._written_notes.add(key)
        self._log.emit(str(message.data["event"]), **fields)

    def _worker_failed(self, child: Child, message: Message) -> None:
        child.failed = True
        error = rebuild_error(message.data, colour=self._log.colour)
        if not self._proven:
            self._give_up(error)
        elif not self._ending:
            hint = f"\nhint: {error.hint}" if error.hint else ""
            self._log.emit(
                "worker-failed",
                worker=child.number,
                pid=child.pid,
                error=error.what,
                name=error.name,
                detail=error.details + hint,
            )

    # Workers that end

    def _reap_all(self) -> None:
        in_the_way = True
        while in_the_way:
            for slot in self._slots:
                if slot.child is not None:
                    self._reap(slot, slot.child)
            own = {child.pid for child in self._children()}
            in_the_way = os.getpid() == CONTAINER_INIT and reap_strangers(own)

    def _reap(self, slot: Slot, child: Child) -> None:
        ended, status = child.reap()
        if not ended:
            return
        # Its last words may have come together with its end.
        self._hear(slot)
        self._let_go_of_link(child)
        slot.child = None
        expected = child.told_to_stop and (child.killed or restart.is_orderly(status))
        if expected or (child.failed and self._ending):
            self._log.emit("worker-stopped", worker=child.number, pid=child.pid)
        elif not child.failed:
            self._worker_died(child, status)
        if self._ending:
            self._close_listeners_when_unused()
        else:
            self._schedule(slot, child.ready, child.lived_seconds)

    def _worker_died(self, child: Child, status: int | None) -> None:
        how, advice = restart.how_it_ended(status), restart.advice(status)
        if not self._proven and not self._ending:
            self._give_up(
                WorkersKeepFailing(
                    f"worker {child.number} (pid {child.pid}) {how} while it loaded the app"
                    f"{advice}",
                    hint="import the app with `python -X faulthandler` to see where that happens",
                )
            )
            return
        self._log.emit(
            "worker-died",
            worker=child.number,
            pid=child.pid,
            how=how,
            seconds=child.lived_seconds,
            advice=advice,
        )

    def _schedule(self, slot: Slot, became_ready: bool, lived_seconds: float) -> None:
        slot.early_ends = restart.early_ends(
            slot.early_ends, became_ready=became_ready, lived_seconds=lived_seconds
        )
        delay = restart.restart_delay(
            slot.early_ends,
            became_ready=became_ready,
            lived_seconds=lived_seconds,
            others_ready=sum(child.ready for child in self._children()),
        )
        slot.due = time.monotonic() + delay
        if delay > 0:
            self._log.emit(
                "restart-delayed",
                worker=slot.number,
                delay_seconds=delay,
                deaths=slot.early_ends,
            )

    # The end of all

    def _hear_signals(self) -> None:
        for number in self._inbox.read():
            self._handle_signal(number)

    def _handle_signal(self, number: Signals) -> None:
        action = ACTIONS[number]
        seconds = None if self._stop_began is None else time.monotonic() - self._stop_began
        if action == IGNORE:
            reason = REASONS_TO_IGNORE[number]
            self._log.emit("signal-ignored", signal=number.name, reason=reason)
        elif action == STOP_AT_ONCE or means_stop_at_once(number, seconds):
            self._stop_at_once(number.name)
        elif action == STOP and self._stop_began is None:
            self._stop_gracefully(number.name)

    def _stop_gracefully(self, cause: str) -> None:
        self._begin_to_end(max(self._graceful_timeout, LEAST_GRACE_SECONDS))
        self._log.emit("stopping", cause=cause, seconds=self._graceful_timeout)
        # Before the workers hear of it: what they take in then is all that there is.
        self._listeners.take_no_more()
        for child in self._children():
            child.told_to_stop = True
            child.send_signal(Signals.SIGTERM)
        self._close_listeners_when_unused()

    def _stop_at_once(self, cause: str) -> None:
        self._begin_to_end(AT_ONCE_SECONDS)
        self._log.emit("stopping-at-once", cause=cause)
        for child in self._children():
            child.told_to_stop = True
            # One that still loads has nothing to lose, and its main thread does not listen.
            child.killed = child.killed or not child.ready
            child.send_signal(Signals.SIGQUIT if child.ready else Signals.SIGKILL)

    def _give_up(self, error: TrivetError) -> None:
        """End the first start, because of the first error; others are most likely the same one."""
        if self._fatal is not None or self._ending:
            return
        self._fatal = error
        self._begin_to_end(AT_ONCE_SECONDS)
        for child in self._children():
            child.told_to_stop = True
            child.send_signal(Signals.SIGTERM)

    def _begin_to_end(self, seconds: float) -> None:
        now = time.monotonic()
        if self._stop_began is None:
            self._stop_began = now
        self._kill_at = now + seconds
        for slot in self._slots:
            slot.due = None

    def _close_listeners_when_unused(self) -> None:
        """Refuse connections from the moment on when nobody would accept them.

        Not earlier: the workers are still taking in the backlog, and what is left would be reset.
        """
        if not self._ending or self._listeners.closed:
            return
        if all(child.stopped_accepting or child.failed for child in self._children()):
            self._listeners.close()
            self._log.emit("listeners-closed")

    def _keep_time(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        self._start_all([slot for slot in self._slots if slot.due is not None and slot.due <= now])
        self._warn_of_slow_imports(now)
        if self._kill_at is None or now < self._kill_at:
            return
        self._kill_at = None
        survivors = self._children()
        for child in survivors:
            child.killed = True
            child.send_signal(Signals.SIGKILL)
        if survivors and self._stop_began is not None and self._fatal is None:
            self._log.emit("workers-killed", workers=len(survivors), seconds=now - self._stop_began)
