"""Workers that are replaced while the server serves: by a reload, or one that has to retire.

The successor first, then the old one drains. Whose turn it is, is said by rolling.py. All of it
runs in the supervisor's only thread; each step is taken when the loop has news (`go_on`).
"""

from __future__ import annotations

import time

from trivet.errors import HostError, TrivetError
from trivet.supervisor import restart, scaling
from trivet.supervisor.rolling import RollingReload, next_to_retire

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from collections.abc import Callable

    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Renew, Supervisor
    from trivet.supervisor.rolling import Done
    from trivet.supervisor.slot import Slot


class Replacing:
    """Replaces the workers of one supervisor. `renew` reads the settings again for a reload."""

    def __init__(self, supervisor: Supervisor, renew: Renew | None) -> None:
        self._supervisor = supervisor
        self._renew = renew
        self.reload_under_way: RollingReload | None = None

    def go_on(self) -> None:
        """Start the next successors; a reload goes before workers that retire by themselves."""
        if self._supervisor.is_ending:
            return
        if self.reload_under_way is not None:
            self._go_on_with_reload(self.reload_under_way)
            return
        crew = self._supervisor.crew
        for slot in next_to_retire(crew.slots):
            slot.successor = crew.start(slot, crew.plan, crew.generation)

    def take_into_service(self, slot: Slot, child: Child) -> None:
        """A worker is ready: from now on it serves its place, and who was there before leaves."""
        crew, reload = self._supervisor.crew, self.reload_under_way
        if reload is not None and self.is_of_reload(child):
            reload.proven = True
            # A worker that dies from now on gets a successor with the new code.
            crew.plan, crew.generation = reload.plan, reload.generation
            self._end_parents_without_use()
        if slot.successor is child:
            reason = restart.reason_of(slot.retiring)
            before = slot.hand_over()
            if before is not None:
                self._supervisor.respawning.count(reason)
                # Before it hears of it: what it takes in then is all that there is.
                self._supervisor.listeners.take_no_more(self._used_last_by(before))
                crew.tell_to_leave(before)
        self.go_on()

    # One that has to retire

    def retire(self, slot: Slot, reason: str) -> None:
        """Replace the worker in a place: its successor first, then it finishes and ends.

        When several are to be replaced, they go one after the other.
        """
        if self._supervisor.is_ending or slot.removed or slot.child is None or slot.retiring:
            return
        slot.retiring = reason
        self._supervisor.log.emit(
            "worker-retired", worker=slot.number, pid=slot.child.pid, reason=reason
        )
        self.go_on()

    def retire_child(self, slot: Slot, child: Child, reason: str) -> None:
        """Retire a worker, unless it does not serve (any more)."""
        if slot.child is child and child.ready:
            self.retire(slot, reason)

    # A reload

    def reload(self, cause: str, done: Done | None = None) -> None:
        """Read the settings again and replace every worker, without losing a request.

        `done` is called at the end, with the error that kept the old workers running, if any. A
        reload that is under way is abandoned for the newer one, and shares its end.
        """
        supervisor, crew = self._supervisor, self._supervisor.crew
        waiting = [] if done is None else [done]
        if supervisor.is_ending or self._renew is None:
            error = HostError(
                "the server is about to stop"
                if supervisor.is_ending
                else "this server was started by a script, whose code cannot be loaded again",
                hint=""
                if supervisor.is_ending
                else "stop it with SIGTERM and start the script again",
            )
            supervisor.log.emit(
                "reload-failed", error=error.what, name=error.name, detail=error.explanation
            )
            _tell(waiting, error)
            return
        if self.reload_under_way is not None:
            waiting = [*self.reload_under_way.done, *waiting]
            self._abandon_reload()
        supervisor.log.emit("reloading", cause=cause)
        supervisor.service_manager.is_reloading("starting new workers")
        try:
            plan, workers = self._renew()
        except TrivetError as error:
            self.reload_under_way = RollingReload(crew.plan, crew.generation + 1, cause, waiting)
            self.fail(error)
            return
        # Each attempt has a generation of its own: what is left of an earlier one is none of it.
        generation = 1 + max([crew.generation, *(c.generation for c in crew.processes)])
        self.reload_under_way = RollingReload(plan, generation, cause, waiting)
        if plan.hooks is not None:
            plan.hooks.run("on_reload", cause=cause)
        if plan.settings.max_workers:
            # What the load has asked for so far is the best guess.
            workers = scaling.within_bounds(len(crew.kept), plan.settings)
        if workers != len(crew.kept):
            supervisor.scale(workers, cause)
        self.go_on()

    def is_of_reload(self, child: Child) -> bool:
        """Whether a worker was started by the reload that is under way."""
        reload = self.reload_under_way
        return reload is not None and child.generation == reload.generation

    def _go_on_with_reload(self, reload: RollingReload) -> None:
        supervisor, crew = self._supervisor, self._supervisor.crew
        for slot in reload.next_slots(crew.slots):
            slot.successor = crew.start(slot, reload.plan, reload.generation)
        if reload.is_over(crew.slots):
            self.reload_under_way = None
            seconds = time.monotonic() - reload.began
            workers = len(crew.kept)
            supervisor.log.emit("reloaded", workers=workers, seconds=seconds)
            supervisor.service_manager.is_ready(f"{workers} workers serve")
            scaling.follow_load(supervisor)
            _tell(reload.done, None)
            self.go_on()

    def fail(self, error: TrivetError) -> None:
        """The new code or settings are no good: the old workers go on."""
        reload = self.reload_under_way
        assert reload is not None, "only a reload that is under way can fail"
        self._abandon_reload()
        self._supervisor.log.emit(
            "reload-failed",
            error=error.what,
            name=error.name,
            detail=error.explanation,
        )
        self.close_addresses_left()
        self._supervisor.service_manager.is_ready(
            f"reload failed, the old workers go on: {error.what}"
        )
        _tell(reload.done, error)

    def give_up_reload(self) -> None:
        """The server ends: whoever waits for the reload is told."""
        reload, self.reload_under_way = self.reload_under_way, None
        if reload is not None:
            _tell(reload.done, HostError("the server was told to stop during the reload"))

    def _abandon_reload(self) -> None:
        """End the workers of the reload that are not ready; those that are stay."""
        crew = self._supervisor.crew
        reload, self.reload_under_way = self.reload_under_way, None
        for slot in crew.slots:
            child = slot.successor
            if child is not None and reload is not None and child.generation == reload.generation:
                slot.give_up_successor()
                # One that loads ends at once. One that has just become ready, of which nothing has
                # been heard here, may have taken requests already, and finishes them.
                crew.tell_to_leave(child)
        self._end_parents_without_use()

    def _end_parents_without_use(self) -> None:
        crew, reload = self._supervisor.crew, self.reload_under_way
        crew.end_parents_without_use({crew.generation, reload.generation if reload else 0})

    # Addresses that a reload has taken out of the settings

    def _used_last_by(self, leaving: Child) -> list[socket.socket]:
        """The sockets at which nobody accepts once a worker has left."""
        used = self._sockets_in_use(lambda child: child is not leaving and not child.told_to_stop)
        return [one for one in self._supervisor.listeners.sockets if one not in used]

    def close_addresses_left(self) -> None:
        """Close the sockets that no worker uses and none will."""
        supervisor = self._supervisor
        listeners = supervisor.listeners
        if supervisor.is_ending or len(listeners.sockets) == len(supervisor.crew.plan.listeners):
            return
        used = self._sockets_in_use(lambda child: not child.stopped_accepting)
        for url in listeners.drop([one for one in listeners.sockets if one not in used]):
            supervisor.log.emit("address-closed", url=url)

    def _sockets_in_use(self, counts: Callable[[Child], bool]) -> set[socket.socket]:
        crew = self._supervisor.crew
        plans = [crew.plan, *(child.plan for child in crew.workers if counts(child))]
        if self.reload_under_way is not None:
            plans.append(self.reload_under_way.plan)
        return {listener for plan in plans for listener in plan.listeners}


def _tell(waiting: list[Done], error: TrivetError | None) -> None:
    for done in waiting:
        done(error)
