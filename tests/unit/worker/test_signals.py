"""The signal inbox: tests send signals to their own process and put every handler back."""

import os
import signal
import threading
from collections.abc import Iterator
from signal import Signals

import pytest

from trivet.worker.signals import (
    DRAIN,
    SAME_KEYPRESS_SECONDS,
    SINGLE_PROCESS_ACTIONS,
    STOP,
    WORKER_ACTIONS,
    SignalInbox,
    means_stop_at_once,
)


@pytest.fixture(autouse=True)
def handlers_come_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (Signals.SIGTERM, Signals.SIGUSR1)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


def test_signals_are_read_in_their_order() -> None:
    with SignalInbox([Signals.SIGTERM, Signals.SIGUSR1]) as inbox:
        signal.raise_signal(Signals.SIGUSR1)
        signal.raise_signal(Signals.SIGTERM)
        assert inbox.read() == [Signals.SIGUSR1, Signals.SIGTERM]
        assert inbox.read() == []


def test_a_signal_that_somebody_else_handles_is_not_read() -> None:
    heard = []
    before = signal.signal(Signals.SIGUSR1, lambda number, _: heard.append(number))
    try:
        with SignalInbox([Signals.SIGTERM]) as inbox:
            signal.raise_signal(Signals.SIGUSR1)
            assert (inbox.read(), heard) == ([], [Signals.SIGUSR1])
    finally:
        signal.signal(Signals.SIGUSR1, before)


def test_handlers_that_the_app_has_set_are_taken_back_and_named() -> None:
    with SignalInbox([Signals.SIGTERM, Signals.SIGUSR1]) as inbox:
        signal.signal(Signals.SIGTERM, lambda *_: None)
        assert inbox.claim([Signals.SIGTERM, Signals.SIGUSR1]) == [Signals.SIGTERM]
        signal.raise_signal(Signals.SIGTERM)
        assert inbox.read() == [Signals.SIGTERM]


def test_default_actions_can_be_claimed_later_without_a_complaint() -> None:
    with SignalInbox([]) as inbox:
        assert inbox.claim([Signals.SIGTERM]) == []
        signal.raise_signal(Signals.SIGTERM)
        assert inbox.read() == [Signals.SIGTERM]


def test_another_thread_cannot_open_an_inbox_and_leaks_nothing() -> None:
    problems: list[Exception] = []

    def try_it() -> None:
        before = len(os.listdir("/proc/self/fd"))
        try:
            SignalInbox([Signals.SIGTERM]).open()
        except ValueError as error:
            problems.append(error)
        assert len(os.listdir("/proc/self/fd")) == before

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("number", "seconds", "expected"),
    [
        (Signals.SIGQUIT, None, True),
        (Signals.SIGINT, None, False),
        (Signals.SIGINT, SAME_KEYPRESS_SECONDS / 2, False),
        (Signals.SIGINT, SAME_KEYPRESS_SECONDS, True),
        (Signals.SIGTERM, 5.0, False),
    ],
)
def test_which_signals_end_a_graceful_stop(
    number: Signals, seconds: float | None, expected: bool
) -> None:
    assert means_stop_at_once(number, seconds) is expected


def test_a_worker_leaves_ctrl_c_to_its_supervisor() -> None:
    assert WORKER_ACTIONS[Signals.SIGINT] not in (DRAIN, STOP)
    assert SINGLE_PROCESS_ACTIONS[Signals.SIGINT] == DRAIN
