"""What follows the end of a worker: reap it, say how it ended, and start the next in its place.

Who was told to end, and takes longer than the time it was given, is killed here. restart.py knows
the delays and the words. All of it runs in the supervisor's only thread.
"""

from __future__ import annotations

import os
import time
from signal import Signals

from trivet.errors import WorkersKeepFailing
from trivet.supervisor import restart
from trivet.supervisor.child import reap_strangers
from trivet.supervisor.oom_kills import OomKills
from trivet.supervisor.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.preload import PreloadParent

#: The first process of a container inherits every orphan in it, and must take their statuses.
CONTAINER_INIT = 1


class Respawning:
    """Reaps the workers of one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._oom_kills = OomKills()
        #: How often a worker was replaced, by reason.
        self.restarts: dict[str, int] = {}

    def reap_all(self) -> None:
        """Take the statuses of the processes that have ended, and act on each end."""
        crew = self._supervisor.crew
        in_the_way = True
        while in_the_way:
            for slot in list(crew.slots):
                for child in slot.children:
                    self._reap(slot, child)
            for parent in list(crew.parents):
                self._reap_parent(parent)
            self._supervisor.upgrade.reap()
            own = {child.pid for child in crew.processes}
            if self._supervisor.upgrade.successor is not None:
                own.add(self._supervisor.upgrade.successor.pid)
            adopts = os.getpid() == CONTAINER_INIT or crew.plan.preload
            in_the_way = adopts and reap_strangers(own)

    def _reap(self, slot: Slot, child: Child) -> None:
        ended, status = child.reap()
        if not ended:
            return
        supervisor, crew = self._supervisor, self._supervisor.crew
        crew.counters.end(child.number, child.region)
        # Its last words may have come together with its end.
        supervisor.outputs.read_last_words(child)
        supervisor.hearing.hear(slot, child)
        crew.let_go_of_link(child)
        # Where the reload has failed with it the old worker stays, and nothing is to be repeated.
        failed_to_follow = slot.successor is child and not supervisor.replacing.is_of_reload(child)
        slot.let_go(child)
        expected = child.told_to_stop and (child.killed or restart.is_orderly(status))
        if expected or (child.failed and supervisor.is_ending):
            supervisor.log.emit("worker-stopped", worker=child.number, pid=child.pid)
        elif not child.failed:
            self._worker_died(child, status)
        supervisor.run_hook(
            "child_exit",
            worker=child.number,
            worker_pid=child.pid,
            worker_age=child.lived_seconds,
            cause=restart.how_it_ended(status),
        )
        if slot.removed and not slot.children:
            crew.slots.remove(slot)
        if supervisor.is_ending:
            supervisor.stopping.close_listeners_when_unused()
        elif slot.is_empty or failed_to_follow:
            self.schedule(slot, child.ready, child.lived_seconds)
        supervisor.replacing.close_addresses_left()
        supervisor.replacing.go_on()

    def _reap_parent(self, parent: PreloadParent) -> None:
        ended, status = parent.reap()
        if not ended:
            return
        supervisor, crew = self._supervisor, self._supervisor.crew
        supervisor.outputs.read_last_words(parent)
        supervisor.hearing.hear(Slot(parent.number), parent)
        crew.let_go_of_link(parent)
        crew.parents.remove(parent)
        if not (parent.told_to_stop or parent.failed):
            self._worker_died(parent, status)
        if parent.told_to_stop or supervisor.is_ending:
            return
        for slot in crew.slots:
            if slot.is_empty and slot.due is None:
                self.schedule(slot, parent.ready, parent.lived_seconds)

    def _worker_died(self, child: Child, status: int | None) -> None:
        supervisor = self._supervisor
        how = restart.how_it_ended(status)
        advice = restart.advice(status, self._oom_kills.has_risen())
        loading = f"worker {child.number} (pid {child.pid}) {how} while it loaded the app"
        loading += f"; {advice}" if advice else ""
        hint = "import the app with `python -X faulthandler` to see where that happens"
        if not supervisor.crew.proven and not supervisor.is_ending:
            supervisor.stopping.give_up(WorkersKeepFailing(loading, hint=hint))
            return
        if supervisor.replacing.is_of_reload(child) and not child.ready:
            supervisor.replacing.fail(WorkersKeepFailing(loading, hint=hint))
            return
        self.count(restart.DIED)
        supervisor.log.emit(
            "worker-died",
            worker=child.number,
            pid=child.pid,
            how=how,
            seconds=child.lived_seconds,
            detail=f"hint: {advice}" if advice else "",
        )

    def count(self, reason: str) -> None:
        """A worker has been replaced, or has ended and will be."""
        self.restarts[reason] = self.restarts.get(reason, 0) + 1

    # The next in its place

    def schedule(self, slot: Slot, became_ready: bool, lived_seconds: float) -> None:
        """Start the next worker of a place after a while, which grows while they end early."""
        if slot.removed:
            return
        slot.early_ends = restart.early_ends(
            slot.early_ends, became_ready=became_ready, lived_seconds=lived_seconds
        )
        delay = restart.restart_delay(
            slot.early_ends,
            became_ready=became_ready,
            lived_seconds=lived_seconds,
            others_ready=sum(child.ready for child in self._supervisor.crew.workers),
        )
        slot.due = time.monotonic() + delay
        if delay > 0:
            self._supervisor.log.emit(
                "restart-delayed",
                worker=slot.number,
                delay_seconds=delay,
                deaths=slot.early_ends,
            )

    def next_moment(self) -> float | None:
        """When `start_what_is_due` or `kill_the_late` may have something to do."""
        crew = self._supervisor.crew
        moments = [slot.due for slot in crew.slots if slot.due is not None]
        moments += [child.kill_at for child in crew.processes if child.kill_at is not None]
        return min(moments, default=None)

    def start_what_is_due(self, now: float) -> None:
        crew = self._supervisor.crew
        due = [slot for slot in crew.slots if slot.due is not None and slot.due <= now]
        if due:
            crew.start_all(due)
            self._supervisor.replacing.go_on()

    def kill_the_late(self, now: float) -> None:
        """Kill the workers that were told to stop and had their time."""
        supervisor = self._supervisor
        processes = supervisor.crew.processes
        late = [c for c in processes if c.kill_at is not None and c.kill_at <= now]
        for child in late:
            child.kill_at = None
            child.killed = True
            child.send_signal(Signals.SIGKILL)
        if late and supervisor.stopping.fatal is None:
            began = supervisor.stopping.began
            waited = max(c.grace_seconds for c in late) if began is None else now - began
            pids = ", ".join(str(child.pid) for child in late)
            supervisor.log.emit("workers-killed", workers=len(late), seconds=waited, pids=pids)
