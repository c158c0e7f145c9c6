"""The processes below one supervisor, workers and preload parents: who there is, start, let go.

When to start whom, and why, is said by others: respawning.py, replacing.py, scaling.py. All of it
runs in the supervisor's only thread.
"""

from __future__ import annotations

import selectors
import time
from functools import partial
from signal import Signals

from trivet.errors import HostError
from trivet.observe.shared_memory import WorkerCounters
from trivet.supervisor.child import start_child
from trivet.supervisor.slot import Slot
from trivet.worker.open_files import has_run_out, too_few_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.observe.shared_memory import Region
    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.preload import PreloadParent
    from trivet.worker.main import WorkerPlan

#: With a graceful timeout of nearly nothing, workers still get to say what they cut.
LEAST_GRACE_SECONDS = 1.0

#: An import that takes longer is told once, or nothing would say why the server does not answer.
STILL_LOADING_SECONDS = 10.0


class Crew:
    """The places of the workers with who is in them, and what new workers are started with."""

    def __init__(self, supervisor: Supervisor, workers: int, plan: WorkerPlan) -> None:
        self._supervisor = supervisor
        #: What workers are started with when no reload is under way.
        self.plan = plan
        #: Rises with each reload; a worker has that of the plan it was started with.
        self.generation = 1
        self.slots = [Slot(number) for number in range(1, workers + 1)]
        #: Processes that have imported the app and fork the workers, one for each generation in
        #: use; none without the setting `preload`.
        self.parents: list[PreloadParent] = []
        #: Made here, before any fork, so that every worker shares it.
        self.counters = WorkerCounters()
        #: Whether any worker was ever ready. Until then a failure ends the server: somebody who
        #: has just typed the command, or a deployment, is waiting to hear of it.
        self.proven = False

    # Who there is

    @property
    def kept(self) -> list[Slot]:
        """The places that are not given up."""
        return [slot for slot in self.slots if not slot.removed]

    @property
    def workers(self) -> list[Child]:
        return [child for slot in self.slots for child in slot.children]

    @property
    def processes(self) -> list[Child]:
        """The workers, and the preload parents."""
        return [*self.workers, *self.parents]

    def next_moment_of_warning(self) -> float | None:
        """When `warn_of_slow_imports` may have something to say."""
        return min((c.started + STILL_LOADING_SECONDS for c in self._silent()), default=None)

    def _silent(self) -> list[Child]:
        """The processes that load the app, and of which nothing has been said yet."""
        return [child for child in self.processes if child.is_loading and not child.slow_told]

    def warn_of_slow_imports(self, now: float) -> None:
        for child in self._silent():
            if now - child.started >= STILL_LOADING_SECONDS:
                child.slow_told = True
                self._supervisor.log.emit(
                    "worker-still-loading",
                    worker=child.number,
                    pid=child.pid,
                    app=self.plan.app_name,
                    seconds=now - child.started,
                )

    # Start

    def start_all(self, slots: list[Slot]) -> None:
        """Start workers until one cannot be, or a signal says to stop: forking many takes long."""
        for slot in slots:
            self._supervisor.hear_signals()
            if self._supervisor.is_ending:
                return
            slot.due = None
            if slot.child is None:
                slot.child = self.start(slot, self.plan, self.generation)

    def start(self, slot: Slot, plan: WorkerPlan, generation: int) -> Child | None:
        """Start a worker for a place; None when that has failed, or its preload parent has to load
        the app first."""
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
        self._listen_to(slot, child)
        self._supervisor.log.emit("worker-started", worker=slot.number, pid=child.pid)
        return child

    def _listen_to(self, slot: Slot, child: Child) -> None:
        hear = partial(self._supervisor.hearing.hear, slot, child)
        self._supervisor.register(child.link, selectors.EVENT_READ, hear)

    def _fork(
        self, slot: Slot, plan: WorkerPlan, generation: int, region: Region | None
    ) -> Child | None:
        """Start a worker; None when its preload parent has to load the app first."""
        let_go = partial(self._supervisor.let_go_in_child, plan)
        outputs = self._supervisor.outputs
        if not plan.preload:
            _before_fork(slot, plan)
            with outputs.pipes(plan) as pipes:
                child = start_child(slot.number, plan, self.processes, let_go, region, pipes.ends)
                outputs.belong_to(child, pipes)
            return child
        from trivet.supervisor.preload import start_preload_parent

        parent = self._parent_of(generation)
        if parent is None:
            with outputs.pipes(plan) as pipes:
                parent = start_preload_parent(
                    plan, self.processes, let_go, self.counters, pipes.ends
                )
                outputs.belong_to(parent, pipes)
            parent.generation = generation
            self.parents.append(parent)
            self._listen_to(Slot(parent.number), parent)
            self._supervisor.log.emit("preload-started", pid=parent.pid)
        if not parent.ready:
            return None
        _before_fork(slot, plan)
        with outputs.pipes(plan) as pipes:
            child = parent.fork_worker(slot.number, region, pipes.ends)
            outputs.belong_to(child, pipes)
        return child

    def _parent_of(self, generation: int) -> PreloadParent | None:
        usable = (p for p in self.parents if not (p.told_to_stop or p.failed or p.hung_up))
        return next((parent for parent in usable if parent.generation == generation), None)

    def parent_is_ready(self, parent: PreloadParent) -> None:
        """It has imported the app: start the workers that wait for it."""
        if parent.told_to_stop:
            return
        parent.ready = True
        self._supervisor.log.emit("preload-ready", pid=parent.pid, seconds=parent.lived_seconds)
        self.start_all([slot for slot in self.kept if slot.is_empty])
        self._supervisor.replacing.go_on()

    def _start_failed(self, slot: Slot, error: OSError) -> None:
        if not self.proven:
            self._supervisor.stopping.give_up(
                too_few_files()
                if has_run_out(error)
                else HostError(
                    f"the system lets no worker process be started: {error.strerror}",
                    hint="look at the limits of processes (ulimit -u, pids.max) and memory",
                )
            )
            return
        reason = error.strerror or str(error)
        self._supervisor.log.emit("fork-failed", worker=slot.number, error=reason)
        self._supervisor.respawning.schedule(slot, became_ready=False, lived_seconds=0.0)

    # Let go

    def tell_to_leave(self, child: Child) -> None:
        """A worker that has been replaced finishes its requests, within the graceful timeout."""
        grace = max(self.plan.settings.graceful_timeout, LEAST_GRACE_SECONDS)
        if child.stuck:
            # Each of its other requests has its own deadline, kept by the engine, and is answered
            # with 504 then: after that there is nothing left to wait for.
            grace = min(grace, max(self.plan.settings.timeout, LEAST_GRACE_SECONDS))
        child.kill_at = time.monotonic() + grace
        child.grace_seconds = grace
        child.told_to_stop = True
        child.send_signal(Signals.SIGTERM)

    def end_parents_without_use(self, used: set[int]) -> None:
        """End the preload parents of generations that nobody will be started with."""
        for parent in self.parents:
            if parent.generation not in used and not parent.told_to_stop:
                self.tell_to_leave(parent)

    def let_go_of_link(self, child: Child) -> None:
        """Hear a worker no more; also when that was said before."""
        if child.link.fileno() >= 0:
            self._supervisor.unregister(child.link)
            child.link.close()


def _before_fork(slot: Slot, plan: WorkerPlan) -> None:
    if plan.hooks is not None:
        plan.hooks.run("pre_fork", worker=slot.number)
