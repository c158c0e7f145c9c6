"""The loop of a process that serves, with an engine that only records what it is told."""

import os
import signal
import socket
from collections.abc import Iterator
from signal import Signals

import pytest

from trivet.engine.serve import RunningRequest
from trivet.worker.serving import SCARCE_SECONDS, SUPERVISOR_LOST, Outcome, Scarcity, ServingLoop
from trivet.worker.signals import WORKER_ACTIONS, SignalInbox


class RecordingEngine:
    """Drains as soon as it is told to, unless `stuck`; `idle` connections hold nothing up.

    `answered` of those that are stuck have timed out.
    """

    def __init__(self, stuck: int = 0, idle: int = 0, answered: int = 0) -> None:
        self.calls: list[str] = []
        self.stopped_accepting = self.drained = False
        self._stuck, self._idle, self._answered = stuck, idle, answered
        self._reading_end, self._writing_end = os.pipe()

    def start(self) -> None:
        self.calls.append("start")

    def fileno(self) -> int:
        return self._reading_end

    def handle_events(self) -> None:
        os.read(self._reading_end, 1)
        self.stopped_accepting = True
        self.drained = not self._stuck

    def give_memory_back(self) -> None:
        pass

    def withdraw_readiness(self) -> None:
        self.calls.append("withdraw readiness")

    def drain(self) -> None:
        self.calls.append("drain")
        os.write(self._writing_end, b"x")

    def stop(self) -> None:
        self.calls.append("stop")

    def join(self, timeout_seconds: float) -> bool:
        self.calls.append("join")
        return not self._stuck

    def stats(self) -> dict[str, int]:
        return {"connections_open": self._stuck + self._idle, "connections_busy": self._stuck}

    def running(self) -> list[RunningRequest]:
        whys = ["timed-out"] * self._answered + ["running"] * (self._stuck - self._answered)
        return [RunningRequest(why, 1, 1, "GET", "/", "", 1.0) for why in whys]

    def close(self) -> None:
        os.close(self._reading_end)
        os.close(self._writing_end)


@pytest.fixture
def inbox() -> Iterator[SignalInbox]:
    with SignalInbox(WORKER_ACTIONS) as opened:
        yield opened


def run(
    engine: RecordingEngine,
    inbox: SignalInbox | None,
    link: socket.socket | None = None,
    graceful_timeout: float = 10.0,
) -> tuple[Outcome, list[str]]:
    causes: list[str] = []
    loop = ServingLoop(
        engine,
        graceful_timeout=graceful_timeout,
        inbox=inbox,
        actions=WORKER_ACTIONS,
        link=link,
        on_drain=causes.append,
        on_accepted_all=lambda: causes.append("accepted all"),
    )
    outcome = loop.run()
    engine.close()
    return outcome, causes


def test_a_drain_ends_when_the_engine_has_drained(inbox: SignalInbox) -> None:
    engine = RecordingEngine()
    signal.raise_signal(Signals.SIGTERM)
    outcome, causes = run(engine, inbox)
    assert causes == ["SIGTERM", "accepted all"]
    assert engine.calls == ["drain", "stop", "join"]
    assert (outcome.cut, outcome.stopped_at_once_by) == (0, "")


def test_who_has_got_504_already_is_not_counted_as_cut(inbox: SignalInbox) -> None:
    signal.raise_signal(Signals.SIGTERM)
    outcome, _ = run(RecordingEngine(stuck=3, answered=2), inbox, graceful_timeout=0.05)
    assert outcome.cut == 1


def test_a_drain_that_takes_too_long_is_cut_and_counted(inbox: SignalInbox) -> None:
    engine = RecordingEngine(stuck=3)
    signal.raise_signal(Signals.SIGTERM)
    outcome, _ = run(engine, inbox, graceful_timeout=0.05)
    assert outcome.cut == 3
    assert outcome.drain_seconds >= 0.05
    assert engine.calls == ["drain", "stop", "join"]


def test_the_second_term_changes_nothing(inbox: SignalInbox) -> None:
    engine = RecordingEngine(stuck=1)
    signal.raise_signal(Signals.SIGTERM)
    signal.raise_signal(Signals.SIGTERM)
    run(engine, inbox, graceful_timeout=0.01)
    assert engine.calls.count("drain") == 1


def test_quit_does_not_wait(inbox: SignalInbox) -> None:
    engine = RecordingEngine(stuck=2)
    signal.raise_signal(Signals.SIGQUIT)
    outcome, _ = run(engine, inbox)
    assert engine.calls == ["stop", "join"]
    assert (outcome.cut, outcome.stopped_at_once_by) == (2, "SIGQUIT")


def test_idle_connections_are_not_counted_as_cut(inbox: SignalInbox) -> None:
    signal.raise_signal(Signals.SIGQUIT)
    outcome, _ = run(RecordingEngine(idle=2), inbox)
    assert outcome.cut == 0


def test_ctrl_c_is_left_to_the_supervisor(inbox: SignalInbox) -> None:
    signal.raise_signal(Signals.SIGINT)
    signal.raise_signal(Signals.SIGTERM)
    outcome, causes = run(RecordingEngine(), inbox)
    assert causes[0] == "SIGTERM"
    assert outcome.stopped_at_once_by == ""


def test_the_loss_of_the_supervisor_is_a_graceful_stop() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        outcome, causes = run(RecordingEngine(), None, link=ours)
    assert causes == [SUPERVISOR_LOST, "accepted all"]
    assert outcome.cut == 0


def test_scarce_connections_are_told_now_and_then_with_what_was_new() -> None:
    told: list[tuple[int, int]] = []
    now = 100.0
    scarcity = Scarcity(lambda shed, held_back: told.append((shed, held_back)), lambda: now)
    scarcity.look({"connections_shed": 0, "accepts_held_back": 0})
    assert told == []
    scarcity.look({"connections_shed": 16, "accepts_held_back": 0})
    scarcity.look({"connections_shed": 32, "accepts_held_back": 1})
    assert told == [(16, 0)]
    now += SCARCE_SECONDS
    scarcity.look({"connections_shed": 48, "accepts_held_back": 3})
    assert told == [(16, 0), (32, 3)]
    now += SCARCE_SECONDS
    scarcity.look({"connections_shed": 48, "accepts_held_back": 3})
    assert len(told) == 2
