"""Keep the workers running: start, hear, replace and stop them; how each is done is in child.py.

One process, one thread, one loop that sleeps until a signal, a worker, a clock or a guest wakes it.
It serves no request and imports nothing of the app, so nothing of the app can break it. Longer than
other modules, because it is one mechanism: everything that can happen to a worker.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from functools import partial
from signal import Signals

from trivet.errors import HostError, TrivetError, WorkersKeepFailing
from trivet.observe.shared_memory import WorkerCounters
from trivet.supervisor import restart
from trivet.supervisor.child import Child, reap_strangers, start_child
from trivet.supervisor.failure import rebuild_error
from trivet.supervisor.oom_kills import OomKills
from trivet.supervisor.questions import Questions
from trivet.supervisor.rolling import RollingReload, next_to_retire
from trivet.supervisor.signals import (
    ACTIONS,
    FEWER_WORKERS,
    IGNORE,
    MORE_WORKERS,
    REASONS_TO_IGNORE,
    RELOAD,
    REOPEN_LOGS,
    STOP,
    STOP_AT_ONCE,
)
from trivet.supervisor.slot import Slot
from trivet.supervisor.systemd import ServiceManager
from trivet.supervisor.timers import Timers
from trivet.worker import messages
from trivet.worker.open_files import has_run_out, too_few_files
from trivet.worker.signals import SignalInbox, means_stop_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from collections.abc import Callable
    from typing import Protocol

    from trivet.observe.log import Log
    from trivet.observe.shared_memory import Region
    from trivet.supervisor.listeners import Listeners
    from trivet.supervisor.preload import PreloadParent
    from trivet.supervisor.questions import Answered
    from trivet.supervisor.rolling import Done
    from trivet.worker.main import WorkerPlan
    from trivet.worker.messages import Message

    class HasFileno(Protocol):
        def fileno(self) -> int: ...

    #: Reads the settings again: the new plan, and the number of workers. Raises TrivetError.
    Renew = Callable[[], tuple[WorkerPlan, int]]

#: After SIGQUIT, or a second SIGINT, workers have this long before they are killed.
AT_ONCE_SECONDS = 1.0

#: With a graceful timeout of nearly nothing, workers still get to say what they cut.
LEAST_GRACE_SECONDS = 1.0

#: An import that takes longer is told once, or nothing would say why the server does not answer.
STILL_LOADING_SECONDS = 10.0

#: The first process of a container inherits every orphan in it, and must take their statuses.
CONTAINER_INIT = 1


class Supervisor:
    """Runs `workers` workers on `listeners` until it is told to stop. Used once.

    `renew` reads the settings again for a reload; without it there is none. `on_ready` is called
    once, when every worker accepts requests for the first time. The public methods may
    be called by guests of the loop (`register`, `at`), which run in its thread.
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
    ) -> None:
        self._listeners = listeners
        self._plan = plan
        self._log = log
        self._renew = renew
        self._on_ready = on_ready
        self._slots = [Slot(number) for number in range(1, workers + 1)]
        #: Processes that have imported the app and fork the workers, one for each generation in
        #: use; none without the setting `preload`.
        self._parents: list[PreloadParent] = []
        self._timers = Timers()
        #: Made here, before any fork, so that every worker shares it.
        self.counters = WorkerCounters()
        self._questions = Questions(self.at)
        self._closed_in_workers: list[Callable[[], None]] = []
        #: Not epoll: workers are forked, and would share what is registered.
        self._selector = selectors.PollSelector()
        #: When the start began, on the monotonic clock.
        self._began = began
        #: Rises with each reload; a worker has that of the plan it was started with.
        self._generation = 1
        self._reload: RollingReload | None = None
        #: Whether any worker was ever ready. Until then a failure ends the server: somebody who
        #: has just typed the command, or a deployment, is waiting to hear of it.
        self._proven = False
        self._announced = False
        self._fatal: TrivetError | None = None
        self._stop_began: float | None = None
        #: The check of readiness fails already; see `stop`.
        self._announced_stop = False
        self._oom_kills = OomKills()
        #: How often a worker was replaced, by reason.
        self.restarts: dict[str, int] = {}
        self._service_manager = ServiceManager(os.environ)
        self._written_notes: set[str] = set()

    def run(self) -> int:
        """Run until every worker has ended; the exit code. Main thread only.

        Raises the error of the app when it cannot be loaded at the first start.
        """
        with self._selector, SignalInbox(ACTIONS) as self._inbox:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ACTIONS)
            self.register(self._inbox, selectors.EVENT_READ, lambda: None)
            self._keep_watchdog_away()
            self._start_all(self._slots)
            while self._processes() or not self._ending:
                for key, _ in self._selector.select(self._patience_seconds()):
                    key.data()
                self._hear_signals()
                # Not only after SIGCHLD: of equal pending signals one comes, and asking is cheap.
                self._reap_all()
                self._keep_time()
        self._listeners.close()
        if self._fatal is not None:
            raise self._fatal
        self._log.emit("stopped", seconds=time.monotonic() - (self._stop_began or self._began))
        return 0

    def _keep_watchdog_away(self) -> None:
        """Say that this loop runs, as often as the service manager asks for it: never, mostly."""
        seconds = self._service_manager.watchdog_seconds
        if seconds is not None:
            self._service_manager.is_alive()
            self.at(time.monotonic() + seconds, self._keep_watchdog_away)

    # For guests

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

    def ask(self, child: Child, about: str, answered: Answered) -> None:
        """Ask a worker, and call back with its answer; with None when none comes in time."""
        self._questions.ask(child, about, answered)

    @property
    def app_name(self) -> str:
        """What a person calls the app."""
        return self._plan.app_name

    @property
    def urls(self) -> list[str]:
        """Where the server listens."""
        return self._listeners.urls

    @property
    def began(self) -> float:
        """When the start began, on the monotonic clock."""
        return self._began

    @property
    def is_ending(self) -> bool:
        return self._ending

    @property
    def slots(self) -> list[Slot]:
        """The places of the workers, in order; to be read, not to be changed."""
        return self._slots

    @property
    def is_reloading(self) -> bool:
        return self._reload is not None

    # What is so

    @property
    def _ending(self) -> bool:
        return self._stop_began is not None

    def _children(self) -> list[Child]:
        return [child for slot in self._slots for child in slot.children]

    def _processes(self) -> list[Child]:
        """The workers, and the preload parents."""
        return [*self._children(), *self._parents]

    def _silent_children(self) -> list[Child]:
        """The processes that load the app, and of which nothing has been said yet."""
        return [child for child in self._processes() if child.is_loading and not child.slow_told]

    def _patience_seconds(self) -> float | None:
        """How long to sleep at most; None is until something happens."""
        moments = [slot.due for slot in self._slots if slot.due is not None]
        moments += [child.started + STILL_LOADING_SECONDS for child in self._silent_children()]
        moments += [child.kill_at for child in self._processes() if child.kill_at is not None]
        if self._timers.next_moment is not None:
            moments.append(self._timers.next_moment)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    # Workers that begin

    def _start_all(self, slots: list[Slot]) -> None:
        """Start workers until one cannot be, or a signal says to stop: forking many takes long."""
        for slot in slots:
            self._hear_signals()
            if self._ending:
                return
            slot.due = None
            if slot.child is None:
                slot.child = self._start(slot, self._plan, self._generation)

    def _start(self, slot: Slot, plan: WorkerPlan, generation: int) -> Child | None:
        slot.due = None
        region = self.counters.begin(slot.number)
        try:
            child = self._fork(slot, plan, generation, region)
        except OSError as error:
            self.counters.end(slot.number, region)
            self._start_failed(slot, error)
            return None
        if child is None:
            self.counters.end(slot.number, region)
            return None
        child.generation = generation
        self.register(child.link, selectors.EVENT_READ, partial(self._hear, slot, child))
        self._log.emit("worker-started", worker=slot.number, pid=child.pid)
        return child

    def _fork(
        self, slot: Slot, plan: WorkerPlan, generation: int, region: Region | None
    ) -> Child | None:
        """Start a worker; None when its preload parent has to load the app first."""
        let_go = partial(self._let_go_in_child, plan)
        if not plan.preload:
            return start_child(slot.number, plan, self._processes(), let_go, region)
        from trivet.supervisor.preload import start_preload_parent

        parent = self._parent_of(generation)
        if parent is None:
            parent = start_preload_parent(plan, self._processes(), let_go, self.counters)
            parent.generation = generation
            self._parents.append(parent)
            hear = partial(self._hear, Slot(parent.number), parent)
            self.register(parent.link, selectors.EVENT_READ, hear)
            self._log.emit("preload-started", pid=parent.pid)
        return parent.fork_worker(slot.number, region) if parent.ready else None

    def _parent_of(self, generation: int) -> PreloadParent | None:
        usable = (p for p in self._parents if not (p.told_to_stop or p.failed or p.hung_up))
        return next((parent for parent in usable if parent.generation == generation), None)

    def _parent_is_ready(self, parent: PreloadParent) -> None:
        if parent.told_to_stop:
            return
        parent.ready = True
        self._log.emit("preload-ready", pid=parent.pid, seconds=parent.lived_seconds)
        self._start_all([slot for slot in self._slots if slot.is_empty and not slot.removed])
        self._replace_what_is_due()

    def _end_unused_parents(self) -> None:
        """End the preload parents of code that nobody will be started with."""
        used = {self._generation, self._reload.generation if self._reload else 0}
        for parent in self._parents:
            if parent.generation not in used and not parent.told_to_stop:
                self._tell_to_leave(parent)

    def _reap_parent(self, parent: PreloadParent) -> None:
        ended, status = parent.reap()
        if not ended:
            return
        self._hear(Slot(parent.number), parent)
        self._let_go_of_link(parent)
        self._parents.remove(parent)
        if not (parent.told_to_stop or parent.failed):
            self._worker_died(parent, status)
        if parent.told_to_stop or self._ending:
            return
        for slot in self._slots:
            if slot.is_empty and slot.due is None:
                self._schedule(slot, parent.ready, parent.lived_seconds)

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

    def _let_go_in_child(self, plan: WorkerPlan) -> None:
        """Runs in a worker just after the fork: closes its copies of what is the supervisor's."""
        self._inbox.close_descriptors()
        self._listeners.close_in_child(kept=plan.listeners)
        for close in self._closed_in_workers:
            close()

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

    def _worker_is_ready(self, slot: Slot, child: Child) -> None:
        if child.told_to_stop:
            return  # it became ready just before it heard of that, and finishes what it took
        child.ready = self._proven = True
        if self._announced_stop:
            child.tell(messages.Message(messages.NOT_READY))
        self._log.emit(
            "worker-ready", worker=child.number, pid=child.pid, seconds=child.lived_seconds
        )
        most_seconds = child.plan.settings.max_age
        if most_seconds:
            retire = partial(self._retire_child, slot, child, "it has reached max_age")
            self.at(time.monotonic() + most_seconds, retire)
        if self._reload is not None and child.generation == self._reload.generation:
            self._reload.proven = True
            # A worker that dies from now on gets a successor with the new code.
            self._plan, self._generation = self._reload.plan, self._reload.generation
            self._end_unused_parents()
        if slot.successor is child:
            reason = restart.reason_of(slot.retiring)
            before = slot.hand_over()
            if before is not None:
                self._count_restart(reason)
                # Before it hears of it: what it takes in then is all that there is.
                self._listeners.take_no_more(self._used_last_by(before))
                self._tell_to_leave(before)
        self._replace_what_is_due()
        if all(slot.serves for slot in self._slots) and not self._announced and not self._ending:
            self._announced = True
            seconds = time.monotonic() - self._began
            self._on_ready()
            self._log.emit("server-ready", seconds=seconds, pid=os.getpid())
            self._service_manager.is_ready(f"{len(self._slots)} workers serve")

    # What workers say

    def _hear(self, slot: Slot, child: Child) -> None:
        if child.link.fileno() < 0:
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
            self._handle_message(slot, child, message)
        if child.hung_up:
            self._let_go_of_link(child)

    def _let_go_of_link(self, child: Child) -> None:
        if child.link.fileno() >= 0:
            self.unregister(child.link)
            child.link.close()

    def _handle_message(self, slot: Slot, child: Child, message: Message) -> None:
        match message.kind:
            case messages.READY if child in self._parents:
                self._parent_is_ready(child)
            case messages.READY:
                self._worker_is_ready(slot, child)
            case messages.NOTE:
                self._write_note(message)
            case messages.FAILED:
                self._worker_failed(slot, child, message)
            case messages.STOPPED_ACCEPTING:
                child.stopped_accepting = True
                self._close_listeners_when_unused()
                self._close_addresses_left()
                self._replace_what_is_due()
            case messages.RETIRE:
                self._retire_child(slot, child, str(message.data.get("reason")))
            case messages.STUCK:
                self._worker_is_stuck(slot, child, message)
            case messages.ANSWER:
                self._questions.take(message)

    def _worker_is_stuck(self, slot: Slot, child: Child, message: Message) -> None:
        """Something holds its interpreter: it can neither finish nor hear anything."""
        from trivet.supervisor.stuck import place_in, stacks_with_culprit_first

        child.stuck = True
        stacks = stacks_with_culprit_first(message.data)
        self._log.emit(
            "worker-stuck",
            worker=child.number,
            pid=child.pid,
            method=message.data.get("method"),
            target=message.data.get("target"),
            seconds=message.data.get("seconds"),
            place=place_in(stacks),
            detail=stacks,
        )
        self._retire_child(slot, child, "something holds its interpreter")

    def _write_note(self, message: Message) -> None:
        """Log what every worker notices in the app, once."""
        fields = message.data.get("fields")
        key = f"{message.data.get('event')} {fields}"
        if key in self._written_notes or not isinstance(fields, dict):
            return
        self._written_notes.add(key)
        self._log.emit(str(message.data["event"]), **fields)

    def _worker_failed(self, slot: Slot, child: Child, message: Message) -> None:
        child.failed = True
        error = rebuild_error(message.data, colour=self._log.colour)
        if not self._proven:
            self._give_up(error)
        elif self._is_of_reload(child):
            self._reload_failed(error)
        elif not self._ending and not child.told_to_stop:
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
            for slot in list(self._slots):
                for child in slot.children:
                    self._reap(slot, child)
            for parent in list(self._parents):
                self._reap_parent(parent)
            own = {child.pid for child in self._processes()}
            adopts = os.getpid() == CONTAINER_INIT or self._plan.preload
            in_the_way = adopts and reap_strangers(own)

    def _reap(self, slot: Slot, child: Child) -> None:
        ended, status = child.reap()
        if not ended:
            return
        self.counters.end(child.number, child.region)
        # Its last words may have come together with its end.
        self._hear(slot, child)
        self._let_go_of_link(child)
        failed_to_follow = slot.successor is child
        slot.let_go(child)
        expected = child.told_to_stop and (child.killed or restart.is_orderly(status))
        if expected or (child.failed and self._ending):
            self._log.emit("worker-stopped", worker=child.number, pid=child.pid)
        elif not child.failed:
            self._worker_died(child, status)
        if slot.removed and not slot.children:
            self._slots.remove(slot)
        if self._ending:
            self._close_listeners_when_unused()
        elif slot.is_empty or failed_to_follow:
            self._schedule(slot, child.ready, child.lived_seconds)
        self._close_addresses_left()
        self._replace_what_is_due()

    def _count_restart(self, reason: str) -> None:
        self.restarts[reason] = self.restarts.get(reason, 0) + 1

    def _worker_died(self, child: Child, status: int | None) -> None:
        how = restart.how_it_ended(status)
        advice = restart.advice(status, self._oom_kills.has_risen())
        loading = f"worker {child.number} (pid {child.pid}) {how} while it loaded the app{advice}"
        hint = "import the app with `python -X faulthandler` to see where that happens"
        if not self._proven and not self._ending:
            self._give_up(WorkersKeepFailing(loading, hint=hint))
            return
        if self._is_of_reload(child) and not child.ready:
            self._reload_failed(WorkersKeepFailing(loading, hint=hint))
            return
        self._count_restart(restart.DIED)
        self._log.emit(
            "worker-died",
            worker=child.number,
            pid=child.pid,
            how=how,
            seconds=child.lived_seconds,
            advice=advice,
        )

    def _schedule(self, slot: Slot, became_ready: bool, lived_seconds: float) -> None:
        if slot.removed:
            return
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

    # Workers that are replaced

    def retire(self, slot: Slot, reason: str) -> None:
        """Replace the worker in a place: its successor first, then it finishes and ends.

        When several are to be replaced, they go one after the other.
        """
        if self._ending or slot.removed or slot.child is None or slot.retiring:
            return
        slot.retiring = reason
        self._log.emit("worker-retired", worker=slot.number, pid=slot.child.pid, reason=reason)
        self._replace_what_is_due()

    def _retire_child(self, slot: Slot, child: Child, reason: str) -> None:
        if slot.child is child and child.ready:
            self.retire(slot, reason)

    def _replace_what_is_due(self) -> None:
        """Start the next successors; a reload goes before workers that retire by themselves."""
        if self._ending:
            return
        if self._reload is not None:
            self._go_on_with_reload(self._reload)
            return
        for slot in next_to_retire(self._slots):
            slot.successor = self._start(slot, self._plan, self._generation)

    def reload(self, cause: str, done: Done | None = None) -> None:
        """Read the settings again and replace every worker, without losing a request.

        `done` is called at the end, with the error that kept the old workers running, if any. A
        reload that is under way is abandoned for the newer one, and shares its end.
        """
        waiting = [] if done is None else [done]
        if self._ending or self._renew is None:
            error = HostError(
                "the server is about to stop"
                if self._ending
                else "this server was started by a script, whose code cannot be loaded again",
                hint="" if self._ending else "stop it with SIGTERM and start the script again",
            )
            self._log.emit("reload-failed", error=error.what, name=error.name, detail=error.hint)
            self._tell(waiting, error)
            return
        if self._reload is not None:
            waiting = [*self._reload.done, *waiting]
            self._abandon_reload()
        self._log.emit("reloading", cause=cause)
        self._service_manager.is_reloading("starting new workers")
        try:
            plan, workers = self._renew()
        except TrivetError as error:
            self._reload = RollingReload(self._plan, self._generation + 1, cause, waiting)
            self._reload_failed(error)
            return
        # Each attempt has a generation of its own: what is left of an earlier one is none of it.
        generation = 1 + max([self._generation, *(c.generation for c in self._processes())])
        self._reload = RollingReload(plan, generation, cause, waiting)
        if workers != sum(not slot.removed for slot in self._slots):
            self.scale(workers, cause)
        self._replace_what_is_due()

    def _is_of_reload(self, child: Child) -> bool:
        return self._reload is not None and child.generation == self._reload.generation

    def _go_on_with_reload(self, reload: RollingReload) -> None:
        for slot in reload.next_slots(self._slots):
            slot.successor = self._start(slot, reload.plan, reload.generation)
        if reload.is_over(self._slots):
            self._reload = None
            seconds = time.monotonic() - reload.began
            workers = sum(not slot.removed for slot in self._slots)
            self._log.emit("reloaded", workers=workers, seconds=seconds)
            self._service_manager.is_ready(f"{workers} workers serve")
            self._tell(reload.done, None)
            self._replace_what_is_due()

    def _reload_failed(self, error: TrivetError) -> None:
        reload = self._reload
        assert reload is not None, "only a reload that is under way can fail"
        self._abandon_reload()
        self._log.emit(
            "reload-failed",
            error=error.what,
            name=error.name,
            detail=error.details + (f"\nhint: {error.hint}" if error.hint else ""),
        )
        self._close_addresses_left()
        self._service_manager.is_ready(f"reload failed, the old workers go on: {error.what}")
        self._tell(reload.done, error)

    def _abandon_reload(self) -> None:
        """End the workers of the reload that are not ready; those that are stay."""
        reload, self._reload = self._reload, None
        for slot in self._slots:
            child = slot.successor
            if child is not None and reload is not None and child.generation == reload.generation:
                slot.give_up_successor()
                # One that loads ends at once. One that has just become ready, of which nothing has
                # been heard here, may have taken requests already, and finishes them.
                self._tell_to_leave(child)
        self._end_unused_parents()

    # Addresses that a reload has taken out of the settings

    def _used_last_by(self, leaving: Child) -> list[socket.socket]:
        """The sockets at which nobody accepts once a worker has left."""
        used = self._sockets_in_use(lambda child: child is not leaving and not child.told_to_stop)
        return [listener for listener in self._listeners.sockets if listener not in used]

    def _close_addresses_left(self) -> None:
        """Close the sockets that no worker uses and none will."""
        if self._ending or len(self._listeners.sockets) == len(self._plan.listeners):
            return
        used = self._sockets_in_use(lambda child: not child.stopped_accepting)
        unused = [listener for listener in self._listeners.sockets if listener not in used]
        for url in self._listeners.drop(unused):
            self._log.emit("address-closed", url=url)

    def _sockets_in_use(self, counts: Callable[[Child], bool]) -> set[socket.socket]:
        plans = [self._plan, *(child.plan for child in self._children() if counts(child))]
        if self._reload is not None:
            plans.append(self._reload.plan)
        return {listener for plan in plans for listener in plan.listeners}

    def _tell(self, waiting: list[Done], error: TrivetError | None) -> None:
        for done in waiting:
            done(error)

    def _tell_to_leave(self, child: Child) -> None:
        """A worker that has been replaced finishes its requests, within the graceful timeout."""
        grace = max(self._plan.settings.graceful_timeout, LEAST_GRACE_SECONDS)
        if child.stuck:
            # Each of its other requests has its own deadline, kept by the engine, and is answered
            # with 504 then: after that there is nothing left to wait for.
            grace = min(grace, max(self._plan.settings.timeout, LEAST_GRACE_SECONDS))
        child.kill_at = time.monotonic() + grace
        child.told_to_stop = True
        child.send_signal(Signals.SIGTERM)

    def scale(self, workers: int, cause: str) -> None:
        """Run so many workers from now on. Raises ValueError below one."""
        if workers < 1:
            raise ValueError("a server needs at least one worker")
        if self._ending:
            return
        kept = [slot for slot in self._slots if not slot.removed]
        if len(kept) == workers:
            return
        self._log.emit("scaling", cause=cause, before=len(kept), workers=workers)
        for slot in kept[workers:]:
            slot.removed, slot.due = True, None
            for child in slot.children:
                self._tell_to_leave(child)
        self._slots = [slot for slot in self._slots if not slot.removed or slot.children]
        taken = {slot.number for slot in self._slots}
        free = (number for number in range(1, len(taken) + workers + 1) if number not in taken)
        for _ in range(workers - len(kept)):
            self._slots.append(Slot(next(free)))
        self._slots.sort(key=lambda slot: slot.number)
        self._start_all([slot for slot in self._slots if not slot.children and not slot.removed])

    # The end of all

    def _hear_signals(self) -> None:
        for number in self._inbox.read():
            self._handle_signal(number)

    def _handle_signal(self, number: Signals) -> None:
        action = ACTIONS[number]
        seconds = None if self._stop_began is None else time.monotonic() - self._stop_began
        workers = sum(not slot.removed for slot in self._slots)
        if action == STOP_AT_ONCE or means_stop_at_once(number, seconds):
            self.stop_at_once(number.name)
        elif self._ending:
            return
        elif action == REOPEN_LOGS and self._log.file is not None:
            self._reopen_logs(self._log.file.path)
        elif action in (IGNORE, REOPEN_LOGS):
            reason = REASONS_TO_IGNORE[number]
            self._log.emit("signal-ignored", signal=number.name, reason=reason)
        elif action == STOP:
            self.stop(number.name)
        elif action == RELOAD:
            self.reload(number.name)
        elif action == MORE_WORKERS:
            self.scale(workers + 1, number.name)
        elif action == FEWER_WORKERS:
            self.scale(max(1, workers - 1), number.name)

    def _reopen_logs(self, path: str) -> None:
        # This process first: it makes the file, which the workers' user may not be able to do.
        self._log.reopen()
        self._log.emit("logs-reopened", path=path)
        for child in self._processes():
            child.send_signal(Signals.SIGUSR1)

    def stop(self, cause: str) -> None:
        """Let every worker finish its requests, within the graceful timeout, and end.

        With a drain_delay only the readiness ends now, and the rest follows then, or when this is
        called again.
        """
        if self._ending:
            return
        delay = self._plan.settings.drain_delay
        if delay and not self._announced_stop and self._proven:
            self._announced_stop = True
            self._log.emit("stop-announced", cause=cause, seconds=delay)
            for child in self._children():
                child.tell(messages.Message(messages.NOT_READY))
            self.at(time.monotonic() + delay, partial(self.stop, cause))
            return
        self._begin_to_end(max(self._plan.settings.graceful_timeout, LEAST_GRACE_SECONDS))
        self._log.emit("stopping", cause=cause, seconds=self._plan.settings.graceful_timeout)
        # Before the workers hear of it: what they take in then is all that there is.
        self._listeners.take_no_more()
        for child in self._processes():
            child.told_to_stop = True
            child.send_signal(Signals.SIGTERM)
        self._close_listeners_when_unused()

    def stop_at_once(self, cause: str) -> None:
        """End every worker now, whatever it is doing."""
        self._begin_to_end(AT_ONCE_SECONDS)
        self._log.emit("stopping-at-once", cause=cause)
        for child in self._processes():
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
        for child in self._processes():
            child.told_to_stop = True
            child.send_signal(Signals.SIGTERM)

    def _begin_to_end(self, seconds: float) -> None:
        now = time.monotonic()
        if self._stop_began is None:
            self._stop_began = now
            self._service_manager.is_stopping("finishing requests")
        reload, self._reload = self._reload, None
        if reload is not None:
            self._tell(reload.done, HostError("the server was told to stop during the reload"))
        for slot in self._slots:
            slot.due = None
        for child in self._processes():
            child.kill_at = now + seconds

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
        due = [slot for slot in self._slots if slot.due is not None and slot.due <= now]
        if due:
            self._start_all(due)
            self._replace_what_is_due()
        self._warn_of_slow_imports(now)
        for callback in self._timers.take_due(now):
            callback()
        self._kill_the_late(now)

    def _kill_the_late(self, now: float) -> None:
        """Kill the workers that were told to stop and had their time."""
        late = [c for c in self._processes() if c.kill_at is not None and c.kill_at <= now]
        for child in late:
            child.kill_at = None
            child.killed = True
            child.send_signal(Signals.SIGKILL)
        if late and self._fatal is None:
            seconds = now - (self._stop_began or now - self._plan.settings.graceful_timeout)
            self._log.emit("workers-killed", workers=len(late), seconds=seconds)
