"""Questions to workers: each has one end, an answer or none."""

import socket
from collections.abc import Callable
from typing import Any

from trivet.supervisor.child import Child
from trivet.supervisor.questions import Questions
from trivet.worker.messages import ANSWER, ASK, LineBuffer, Message, decode


class Setup:
    """A worker that is no process, and a clock whose callbacks are called by hand."""

    def __init__(self, *, ready: bool = True) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        plan: Any = None  # nothing asks for it here
        self.child = Child(1, 0, ours, plan)
        self.child.ready = ready
        self.timers: list[Callable[[], None]] = []
        self.questions = Questions(lambda moment, callback: self.timers.append(callback))
        self.answers: list[object] = []

    def ask(self) -> None:
        self.questions.ask(self.child, "counters", self.answers.append)

    def close(self) -> None:
        self.child.link.close()
        self.theirs.close()


def test_the_answer_is_passed_on_once() -> None:
    setup = Setup()
    setup.ask()
    (line,) = LineBuffer().feed(setup.theirs.recv(4096))
    question = decode(line)
    assert (question.kind, question.data["about"]) == (ASK, "counters")
    message = Message(ANSWER, {"number": question.data["number"], "data": {"requests": 3}})
    setup.questions.take(message)
    setup.questions.take(message)
    setup.timers[0]()
    assert setup.answers == [{"requests": 3}]
    setup.close()


def test_a_silent_worker_is_not_waited_for_for_ever() -> None:
    setup = Setup()
    setup.ask()
    setup.timers[0]()
    assert setup.answers == [None]
    setup.close()


def test_a_worker_that_owes_an_answer_is_not_waited_for_again_until_it_answers() -> None:
    setup = Setup()
    setup.ask()
    (line,) = LineBuffer().feed(setup.theirs.recv(4096))
    setup.timers[0]()
    setup.ask()
    assert setup.answers == [None, None]
    assert len(setup.timers) == 1, "nobody waits the second time"
    late = Message(ANSWER, {"number": decode(line).data["number"], "data": {"requests": 3}})
    setup.questions.take(late)
    setup.ask()
    assert len(setup.timers) == 2, "it is asked again"
    assert setup.answers == [None, None], "the late answer was nobody's"
    setup.close()


def test_a_worker_that_loads_is_not_asked() -> None:
    setup = Setup(ready=False)
    setup.ask()
    assert setup.answers == [None]
    setup.close()


def test_a_worker_that_is_gone_is_no_error() -> None:
    setup = Setup()
    setup.theirs.close()
    setup.ask()
    assert setup.answers == [None]
    setup.close()
