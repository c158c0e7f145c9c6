"""Which workers are replaced next, by a reload or one by one; values only, replacing.py does it.

The first new worker goes alone: if its code does not load, nothing has been lost. Then the others
follow, a quarter of them at a time, each started before the one that it replaces is told to stop.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Sequence

    from trivet.errors import TrivetError
    from trivet.supervisor.slot import Slot
    from trivet.worker.main import WorkerPlan

    #: Told of the end of a reload: None when every worker runs the new code, or why it was not so.
    Done = Callable[[TrivetError | None], None]

#: One worker in so many is replaced at the same time.
SHARE_AT_A_TIME = 4


class RollingReload:
    """A reload that is under way. `plan` is what the new workers run, of one `generation`."""

    def __init__(self, plan: WorkerPlan, generation: int, cause: str, done: Sequence[Done]) -> None:
        self.plan = plan
        self.generation = generation
        self.cause = cause
        self.done = list(done)
        self.began = time.monotonic()
        #: Whether a worker with the new plan was ever ready.
        self.proven = False

    def next_slots(self, slots: Sequence[Slot]) -> list[Slot]:
        """The places whose worker is to be replaced now."""
        old = [slot for slot in slots if not slot.removed and not self.is_new(slot)]
        under_way = sum(slot.successor is not None for slot in slots)
        at_a_time = max(1, len(slots) // SHARE_AT_A_TIME) if self.proven else 1
        # A place that waits to be filled again (`due`) has its turn when it has been.
        free = [slot for slot in old if slot.successor is None and slot.due is None]
        return free[: max(0, at_a_time - under_way)]

    def is_over(self, slots: Sequence[Slot]) -> bool:
        """Whether the new plan answers everything from now on.

        The worker in each place runs it, and those before them take no more connections.
        """
        if not all(self.is_new(slot) and slot.serves for slot in slots if not slot.removed):
            return False
        return all(
            child.stopped_accepting or not child.ready
            for slot in slots
            for child in slot.leaving
            if child.generation != self.generation
        )

    def is_new(self, slot: Slot) -> bool:
        """Whether the worker in a place, ready or not, is one of this reload."""
        return slot.child is not None and slot.child.generation == self.generation


def next_to_retire(slots: Sequence[Slot]) -> list[Slot]:
    """The place whose worker is to be replaced now, because it is to retire: one at a time."""
    if any(slot.successor is not None for slot in slots):
        return []
    waiting = (s for s in slots if s.retiring and s.child is not None and s.due is None)
    return [slot for slot in waiting if not slot.removed][:1]
