"""What the supervisor has asked workers, and who waits for the answers; worker/answers.py answers.

A worker answers on its main thread, when Python's lock lets it: one that holds the lock in C code
never does, so every question has an end. A worker that owes an answer is not waited for again.
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
        #: Workers that have not answered in time, and the question to which they still may.
        self._silent: dict[tuple[int, float], int] = {}

    def ask(self, child: Child, about: str, answered: Answered) -> None:
        """Send a question to a worker that serves; `answered` is called in any case."""
        who = (child.pid, child.started)  # a pid alone may come again
        if who in self._silent:
            answered(None)
            return
        self._asked += 1
        number = self._asked
        if not child.ready or not child.tell(Message(ASK, {"number": number, "about": about})):
            answered(None)
            return
        self._waiting[number] = answered

        def give_up() -> None:
            if number in self._waiting:
                self._silent[who] = number
                self._end(number, None)

        self._at(time.monotonic() + ANSWER_SECONDS, give_up)

    def take(self, message: Message) -> None:
        """Pass an answer on. One that comes too late is nobody's, but its worker answers again."""
        number = message.data.get("number")
        self._silent = {who: owed for who, owed in self._silent.items() if owed != number}
        if isinstance(number, int):
            self._end(number, message.data.get("data"))

    def _end(self, number: int, answer: object) -> None:
        answered = self._waiting.pop(number, None)
        if answered is not None:
            answered(answer)
