"""The supervisor's loop, with children that are no processes."""

import signal
import socket
import time
from collections.abc import Callable
from signal import Signals
from typing import Any

import pytest

from trivet.errors import TooFewFiles
from trivet.observe.log import Log
from trivet.settings.table import Settings
from trivet.startup import Startup
from trivet.supervisor import crew, loop, stopping
from trivet.supervisor.child import Child
from trivet.supervisor.listeners import Listeners
from trivet.supervisor.upgrade import Relaunch
from trivet.worker.main import WorkerPlan


class EndedChild(Child):
    """A worker that ends in good order as soon as anybody looks."""

    def reap(self) -> tuple[bool, int | None]:
        return True, 0

    def send_signal(self, number: Signals) -> None:
        pass


class AwaitedListeners(Listeners):
    """Has connections that are complete when somebody has looked a few times."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self._events = events

    def are_about_to_be_connected(self) -> bool:
        self._events.append("look")
        return len(self._events) < 4


def supervisor(
    workers: int, relaunch: Relaunch | None = None, listeners: Listeners | None = None
) -> loop.Supervisor:
    log = Log(None)
    plan = WorkerPlan(
        settings=Settings(),
        listeners=[],
        load=lambda startup: (None, []),
        startup=Startup(),
        log=log,
        multiprocess=True,
        app_name="shop:app",
    )
    began = time.monotonic()
    return loop.Supervisor(workers, listeners or Listeners(), plan, log, began, relaunch=relaunch)


def test_a_stop_is_heard_between_the_starts_of_two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def start(number: int, plan: WorkerPlan, *_: Any) -> Child:
        started.append(number)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.close()  # the end of the worker is what wakes the loop
        signal.raise_signal(Signals.SIGTERM)
        return EndedChild(number, 0, ours, plan)

    monkeypatch.setattr(crew, "start_child", start)
    assert supervisor(workers=5).run() == 0
    assert started == [1]


def test_workers_hear_of_a_stop_when_connections_that_had_begun_are_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []

    class ObedientChild(Child):
        def reap(self) -> tuple[bool, int | None]:
            return "SIGTERM" in events, 0

        def send_signal(self, number: Signals) -> None:
            events.append(number.name)
            ends.pop().close()  # the end of the worker is what wakes the loop

    def start(number: int, plan: WorkerPlan, *_: Any) -> Child:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        ends.append(theirs)
        signal.raise_signal(Signals.SIGTERM)
        return ObedientChild(number, 0, ours, plan)

    ends: list[socket.socket] = []
    monkeypatch.setattr(crew, "start_child", start)
    monkeypatch.setattr(stopping, "HANDSHAKE_SECONDS", 60.0)
    assert supervisor(workers=1, listeners=AwaitedListeners(events)).run() == 0
    assert events == ["look", "look", "look", "look", "SIGTERM"]


def test_no_descriptors_for_a_worker_are_told_as_too_few_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew, "start_child", failing(OSError(24, "Too many open files")))
    with pytest.raises(TooFewFiles):
        supervisor(workers=2).run()


def failing(error: OSError) -> Callable[..., Child]:
    def start(*_: Any) -> Child:
        raise error

    return start
