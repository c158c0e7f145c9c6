"""What the supervisor has asked workers, and who waits for the answers; worker/answers.py answers.

A worker answers on its main thread, when Python's lock lets it: one that holds the lock in C code
never does, so every question has an end.
"""

from __future__ import annotations

import time

from trivet.worker.messages import ASK, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable

    from trivet.supervisor.child import Child

    #: Called once: with the answer, or with None when there was none in time.
    Answered = Callable[[object], None]

#: How long a worker has to answer. Its main thread serves nothing, so this is long.
ANSWER_SECONDS = 2.0


class Questions:
    """Questions without an answer so far. `at` calls back at a time of the monotonic clock."""

    def __init__(self, at: Callable[[float, Callable[[], None]], None]) -> None:
        self._at = at
        self._waiting: dict[int, Answered] = {}
        self._asked = 0

    def ask(self, child: Child, about: str, answered: Answered) -> None:
        """Send a question to a worker that serves; `answered` is called in any case."""
        self._asked += 1
        number = self._asked
        if not child.ready or not child.tell(Message(ASK, {"number": number, "about": about})):
            answered(None)
            return
        self._waiting[number] = answered
        self._at(time.monotonic() + ANSWER_SECONDS, lambda: self._end(number, None))

    def take(self, message: Message) -> None:
        """Pass an answer on; one that comes too late is nobody's any more."""
        number = message.data.get("number")
        if isinstance(number, int):
            self._end(number, message.data.get("data"))

    def _end(self, number: int, answer: object) -> None:
        answered = self._waiting.pop(number, None)
        if answered is not None:
            answered(answer)
