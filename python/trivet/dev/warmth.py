"""The warm parent as the supervisor sees it: made, used, given up; what it does is in warm.py.

All of it runs in the supervisor's only thread. There is one warm parent at a time. Those before it
live until the workers that they forked have ended, for only they can reap them.
"""

from __future__ import annotations

from functools import partial
from signal import SIGKILL

from trivet.dev import messages
from trivet.dev.processes import start_warm_parent
from trivet.dev.warm import why_unsuited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trivet.dev.plan import DevPlan, Order
    from trivet.dev.processes import Warm, Worker
    from trivet.dev.sources import Sources
    from trivet.dev.terminal import Terminal
    from trivet.worker.messages import Message


class Warmth:
    """Forks workers from a process that has imported what lies outside the project, if it can."""

    def __init__(
        self,
        sources: Sources,
        terminal: Terminal,
        before: Sequence[str],
        close_in_child: Callable[[], None],
        *,
        why_not: str,
    ) -> None:
        self._sources = sources
        self._terminal = terminal
        self._before = before
        self._close_in_child = close_in_child
        self._current: Warm | None = None
        self._retired: list[Warm] = []
        #: Why there is no warm parent and will be none; empty when there is or may be one.
        self.why_cold = why_not

    def parents(self) -> list[Warm]:
        return [*self._retired, *([self._current] if self._current is not None else [])]

    def fork(self, order: Order) -> Worker | None:
        """A worker on its way; None when there is nobody to fork it."""
        if self._current is None:
            return None
        try:
            return self._current.fork(order)
        except OSError:
            self.drop("it has died")
            return None

    def know_of(self, worker: Worker) -> bool:
        """Whether somebody is there who will tell how this worker ends."""
        return any(worker in warm.workers for warm in self.parents())

    def keep(self, plan: DevPlan, modules: Sequence[str], own_names: Sequence[str]) -> None:
        """Have a warm parent that has imported these modules, unless that cannot be."""
        if self.why_cold:
            return
        unsuited = why_unsuited(modules)
        if unsuited:
            self.drop(unsuited, for_good=True)
        elif self._current is not None:
            self._current.import_too(modules)
        else:
            warm = start_warm_parent(plan, modules, own_names, self._before, self._close_in_child)
            self._sources.hear(warm.link, partial(self._hear, warm))
            self._current = warm

    def drop(self, why: str, *, for_good: bool = False) -> None:
        """Use the warm parent no more. It lives on until its workers have ended: it reaps them."""
        if for_good and not self.why_cold:
            self.why_cold = why
            self._terminal.note(f"every reload imports everything: {why}")
        warm, self._current = self._current, None
        if warm is not None:
            warm.retired = True
            self._retired.append(warm)
            _end_if_unused(warm)

    def give_up_waiting(self, worker: Worker) -> None:
        """The warm parent is stuck, and this worker will not come."""
        for warm in self.parents():
            if worker in warm.workers:
                warm.workers.remove(worker)
        self.drop("importing outside the app takes longer than in it", for_good=True)

    def reap(self) -> None:
        """Take leave of those that have ended."""
        for warm in self.parents():
            if warm.reap()[0]:
                self._hear(warm)
                if warm is self._current:
                    self.drop("it has died")
                self._sources.ignore(warm.link)
                warm.link.close()
                self._retired.remove(warm)

    def _hear(self, warm: Warm) -> None:
        for message in warm.link.receive():
            match message.kind:
                case messages.WARM:
                    warm.is_ready = True
                    modules, seconds = message.data["modules"], message.data["seconds"]
                    self._terminal.warmed(int(str(modules)), float(str(seconds)))
                case messages.COLD:
                    self.drop(str(message.data["why"]), for_good=True)
                case messages.FORKED:
                    _has_forked(warm, message)
                case messages.ENDED:
                    _has_reaped(warm, message)
        if warm.link.hung_up:
            self._sources.ignore(warm.link)
            for worker in warm.workers:
                # Orphans now: how they end will not be told, but the end of their links will.
                worker.ended = worker.ended or worker.link.hung_up or not worker.pid
            warm.workers.clear()
            if warm is self._current:
                self.drop("it has died")


def _has_forked(warm: Warm, message: Message) -> None:
    wanted = (message.data["slot"], message.data["generation"])
    for worker in warm.workers:
        if not worker.pid and (worker.order.slot, worker.order.generation) == wanted:
            worker.is_forked(int(str(message.data["pid"])))
            return


def _has_reaped(warm: Warm, message: Message) -> None:
    for worker in list(warm.workers):
        if worker.pid == message.data["pid"]:
            worker.ended = True
            worker.status = int(str(message.data["status"]))
            warm.workers.remove(worker)
    _end_if_unused(warm)


def _end_if_unused(warm: Warm) -> None:
    if warm.retired and not warm.workers:
        warm.send_signal(SIGKILL)
