"""The supervisor's loop: sleeps until a signal, a worker, a clock or a guest wakes it, then acts.

What is done then is in the modules beside: crew.py knows the processes, hearing.py what they say,
respawning.py what follows when they end, replacing.py and scaling.py change them while they serve,
upgrade.py replaces the whole server, stopping.py is the end. One process, one thread. It serves no
request and imports nothing of the app, so nothing of the app can break it.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from signal import Signals

from trivet.observe.patient_stream import LoopWatch
from trivet.supervisor import scaling
from trivet.supervisor.crew import Crew
from trivet.supervisor.hearing import Hearing
from trivet.supervisor.outputs import Outputs
from trivet.supervisor.questions import Questions
from trivet.supervisor.replacing import Replacing
from trivet.supervisor.respawning import Respawning
from trivet.supervisor.signals import (
    ACTIONS,
    BLOCKED_WHILE_WRITING,
    FEWER_WORKERS,
    HEARD_AT_ANY_TIME,
    MORE_WORKERS,
    REASONS_TO_IGNORE,
    RELOAD,
    REOPEN_LOGS,
    STOP,
    STOP_AT_ONCE,
    UPGRADE,
)
from trivet.supervisor.stopping import Stopping
from trivet.supervisor.systemd import ServiceManager
from trivet.supervisor.timers import Timers
from trivet.supervisor.upgrade import Upgrade
from trivet.worker.signals import SignalInbox, means_stop_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable
    from typing import Protocol

    from trivet.observe.log import Log
    from trivet.observe.shared_memory import WorkerCounters
    from trivet.supervisor.child import Child
    from trivet.supervisor.following import Following
    from trivet.supervisor.listeners import Listeners
    from trivet.supervisor.questions import Answered
    from trivet.supervisor.rolling import Done
    from trivet.supervisor.slot import Slot
    from trivet.supervisor.upgrade import Relaunch
    from trivet.worker.main import WorkerPlan

    class HasFileno(Protocol):
        def fileno(self) -> int: ...

    #: Reads the settings again: the new plan, and the number of workers. Raises TrivetError.
    Renew = Callable[[], tuple[WorkerPlan, int]]


class Supervisor:
    """Runs `workers` workers on `listeners` until it is told to stop. Used once.

    `renew` reads the settings again for a reload; without it there is none. `on_ready` is called
    once, when every worker accepts requests for the first time. With `relaunch` the server can be
    replaced by a new one. The methods for guests may be
    called by guests of the loop (`register`, `at`), which run in its thread.
    """

    def __init__(
        self,
        workers: int,
        listeners: Listeners,
        plan: WorkerPlan,
        log: Log,
        began: float,
        renew: Renew | None = None,
        on_ready: Callable[[], None] = lambda: None,
        relaunch: Relaunch | None = None,
    ) -> None:
        self.listeners = listeners
        self.log = log
        self.on_ready = on_ready
        #: When the start began, on the monotonic clock.
        self.began = began
        self.service_manager = ServiceManager(os.environ)
        self.questions = Questions(self.at)
        self.crew = Crew(self, workers, plan)
        self.outputs = Outputs(self)
        self.hearing = Hearing(self)
        self.respawning = Respawning(self)
        self.replacing = Replacing(self, renew)
        self.stopping = Stopping(self)
        self.upgrade = Upgrade(self, relaunch)
        #: What lets the number of workers follow the load, if it does.
        self.following: Following | None = None
        self._timers = Timers()
        self._closed_in_workers: list[Callable[[], None]] = []
        #: Not epoll: workers are forked, and would share what is registered.
        self._selector = selectors.PollSelector()

    def run(self) -> int:
        """Run until every worker has ended; the exit code. Main thread only.

        Raises the error of the app when it cannot be loaded at the first start.
        """
        with self._selector, SignalInbox(ACTIONS) as self._inbox:
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_WHILE_WRITING)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD_AT_ANY_TIME)
            self.register(self._inbox, selectors.EVENT_READ, lambda: None)
            self._keep_watchdog_away()
            self.crew.start_all(self.crew.slots)
            scaling.follow_load(self)
            log_watch = LoopWatch(self.log.stream, self._selector)
            while self.crew.processes or not self.is_ending or self.upgrade.is_under_way:
                log_watch.look()
                self.outputs.look()
                for callback in self._wait_for_news():
                    callback()
                self.hear_signals()
                # Not only after SIGCHLD: of equal pending signals one comes, and asking is cheap.
                self.respawning.reap_all()
                self._keep_time()
            if not blocked.issuperset(BLOCKED_WHILE_WRITING):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_WHILE_WRITING)
            self.outputs.close()
            self.run_hook("on_exit")
        self.listeners.close()
        if self.stopping.fatal is not None:
            raise self.stopping.fatal
        seconds = time.monotonic() - (self.stopping.began or self.began)
        self.log.emit("stopped", seconds=seconds, pid=os.getpid())
        return 0

    def _wait_for_news(self) -> list[Callable[[], None]]:
        """Sleep until there are some, or something is due; what is to be called for them."""
        patience = self._patience_seconds()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_WHILE_WRITING)
        try:
            return [key.data for key, _ in self._selector.select(patience)]
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_WHILE_WRITING)

    # Clocks

    def _patience_seconds(self) -> float | None:
        """How long to sleep at most; None is until something happens."""
        moments = [
            moment
            for moment in (
                self.respawning.next_moment(),
                self.crew.next_moment_of_warning(),
                self._timers.next_moment,
            )
            if moment is not None
        ]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _keep_time(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        self.respawning.start_what_is_due(now)
        self.crew.warn_of_slow_imports(now)
        for callback in self._timers.take_due(now):
            callback()
        self.respawning.kill_the_late(now)

    def _keep_watchdog_away(self) -> None:
        """Say that this loop runs, as often as the service manager asks for it: never, mostly."""
        seconds = self.service_manager.watchdog_seconds
        if seconds is not None:
            self.service_manager.is_alive()
            self.at(time.monotonic() + seconds, self._keep_watchdog_away)

    # Signals

    def hear_signals(self) -> None:
        """Act on the signals that have come; also between two of many starts."""
        for number in self._inbox.read():
            self._handle_signal(number)

    def _handle_signal(self, number: Signals) -> None:
        action = ACTIONS[number]
        began = self.stopping.began
        seconds = None if began is None else time.monotonic() - began
        if action == STOP_AT_ONCE or means_stop_at_once(number, seconds):
            self.stop_at_once(number.name)
        elif self.is_ending:
            return
        elif action == REOPEN_LOGS and self.crew.plan.log_files:
            self._reopen_logs()
        elif action == REOPEN_LOGS:
            reason = REASONS_TO_IGNORE[number]
            self.log.emit("signal-ignored", signal=number.name, reason=reason)
        elif action == STOP:
            self.stop(number.name)
        elif action == RELOAD:
            self.reload(number.name)
        elif action == UPGRADE:
            self.upgrade.begin(number.name)
        elif action == MORE_WORKERS:
            self._scale_by(1, number)
        elif action == FEWER_WORKERS:
            self._scale_by(-1, number)

    def _scale_by(self, difference: int, number: Signals) -> None:
        workers = len(self.crew.kept)
        allowed = self.nearest_allowed(workers + difference)
        if allowed == workers:
            bound = "the most" if difference > 0 else "the least"
            reason = f"{workers} is {bound} that there may be"
            self.log.emit("signal-ignored", signal=number.name, reason=reason)
            return
        self.scale(allowed, number.name)

    def _reopen_logs(self) -> None:
        # This process first: it makes the files, which the workers' user may not be able to do.
        self.crew.plan.reopen_logs()
        for file in self.crew.plan.log_files:
            self.log.emit("logs-reopened", path=file.path)
        for child in self.crew.processes:
            child.send_signal(Signals.SIGUSR1)

    def run_hook(self, name: str, **about: object) -> None:
        """Call the function that the settings name for this moment, if they do."""
        hooks = self.crew.plan.hooks
        if hooks is not None:
            hooks.run(name, **about)

    def let_go_in_child(self, plan: WorkerPlan) -> None:
        """Runs in a worker just after the fork: closes its copies of what is the supervisor's."""
        self._inbox.close_descriptors()
        self.outputs.close_in_child()
        self.listeners.close_in_child(kept=plan.listeners)
        self.upgrade.close_in_child()
        for close in self._closed_in_workers:
            close()

    # For guests: when to be called

    def register(self, source: HasFileno, events: int, callback: Callable[[], None]) -> None:
        """Call back whenever `source` is readable or writable (selectors.EVENT_…)."""
        self._selector.register(source.fileno(), events, callback)

    def unregister(self, source: HasFileno) -> None:
        """Forget a source; before it is closed."""
        self._selector.unregister(source.fileno())

    def at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call back once at that time of the monotonic clock."""
        self._timers.at(moment, callback)

    def close_in_workers(self, close: Callable[[], None]) -> None:
        """Call this in each worker after the fork: it closes copies of what is a guest's."""
        self._closed_in_workers.append(close)

    # For guests: what to do

    def ask(self, child: Child, about: str, answered: Answered) -> None:
        """Ask a worker, and call back with its answer; with None when none comes in time."""
        self.questions.ask(child, about, answered)

    def reload(self, cause: str, done: Done | None = None) -> None:
        """Replace every worker by one with the settings and the code of now; see replacing.py."""
        self.replacing.reload(cause, done)

    def scale(self, workers: int, cause: str) -> None:
        """Run so many workers from now on. Raises ValueError below one."""
        scaling.scale(self, workers, cause)

    def nearest_allowed(self, workers: int) -> int:
        """The number of workers that the settings allow and that is nearest to a wish."""
        return scaling.within_bounds(workers, self.crew.plan.settings)

    def stop(self, cause: str) -> None:
        """End gracefully; see stopping.py."""
        self.stopping.stop(cause)

    def stop_at_once(self, cause: str) -> None:
        """End now, whatever the workers are doing."""
        self.stopping.stop_at_once(cause)

    # For guests: what is so

    @property
    def app_name(self) -> str:
        """What a person calls the app."""
        return self.crew.plan.app_name

    @property
    def urls(self) -> list[str]:
        """Where the server listens."""
        return self.listeners.urls

    @property
    def counters(self) -> WorkerCounters:
        """What the workers count."""
        return self.crew.counters

    @property
    def restarts(self) -> dict[str, int]:
        """How often a worker was replaced, by reason."""
        return self.respawning.restarts

    @property
    def slots(self) -> list[Slot]:
        """The places of the workers, in order; to be read, not to be changed."""
        return self.crew.slots

    @property
    def is_ending(self) -> bool:
        return self.stopping.began is not None

    @property
    def is_reloading(self) -> bool:
        return self.replacing.reload_under_way is not None
