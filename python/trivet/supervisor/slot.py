"""The place of one worker: who serves there, who is to follow, who is leaving; values only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.supervisor.child import Child


class Slot:
    """The place of one worker, which outlives the processes that fill it.

    Usually it holds one child. While that one is being replaced there are more: the successor
    loads beside it, and takes over when it is ready; from then on the old one leaves.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        #: The worker that serves here, or loads and has nobody before it.
        self.child: Child | None = None
        #: The worker that loads, and takes the place of `child` when it is ready.
        self.successor: Child | None = None
        #: Workers that finish their requests and end.
        self.leaving: list[Child] = []
        #: Why `child` is to be replaced although no reload asks for it; empty when it is not.
        self.retiring: str = ""
        #: When to start the next one, on the monotonic clock.
        self.due: float | None = None
        self.early_ends = 0
        #: The place is given up: it ends with its last child.
        self.removed = False

    @property
    def children(self) -> list[Child]:
        held = (self.child, self.successor, *self.leaving)
        return [child for child in held if child is not None]

    @property
    def is_empty(self) -> bool:
        """Nobody serves here, and nobody is about to; who leaves does not count."""
        return self.child is None and self.successor is None

    @property
    def serves(self) -> bool:
        return self.child is not None and self.child.ready

    def let_go(self, child: Child) -> None:
        """Forget a child that has ended."""
        if self.child is child:
            self.child = None
        elif self.successor is child:
            self.successor = None
        else:
            self.leaving = [other for other in self.leaving if other is not child]

    def give_up_successor(self) -> None:
        """The successor is not wanted any more: it leaves, and its place is free for another."""
        if self.successor is not None:
            self.leaving.append(self.successor)
            self.successor = None

    def hand_over(self) -> Child | None:
        """Put the successor, which is ready, in its place; the child that has to leave, if any."""
        before = self.child
        self.child, self.successor = self.successor, None
        self.retiring = ""
        if before is not None:
            self.leaving.append(before)
        return before
