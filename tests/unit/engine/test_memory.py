"""What is freed of objects that are gone, and what is left alone."""

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from trivet.engine.memory import forget_free_objects, renew_table_of_starting_threads

#: In a process of its own: the lists of free objects belong to all that a test run has done.
KEPT_AND_FORGOTTEN = """
import contextvars, sys
from trivet.engine.memory import forget_free_objects

forget_free_objects()
before = sys.getallocatedblocks()
contexts = [contextvars.Context() for _ in range(200)]
contexts.clear()
kept = sys.getallocatedblocks() - before
forget_free_objects()
print(kept, sys.getallocatedblocks() - before)
"""


@pytest.fixture(autouse=True)
def nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_python_keeps_what_is_free_until_it_is_told_to_forget_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEPT_AND_FORGOTTEN], capture_output=True, text=True, check=True
    )
    kept, left = map(int, done.stdout.split())
    assert left < 100
    if sys.implementation.name == "cpython" and sys.version_info < (3, 13):
        assert kept >= 200, "or nobody needs this any more"


class Finalized:
    def __init__(self, told: list[bool]) -> None:
        self.told = told
        self.circle = self  # what only a collection frees

    def __del__(self) -> None:
        self.told.append(True)


def test_what_is_left_in_circles_is_collected() -> None:
    told: list[bool] = []
    Finalized(told)
    forget_free_objects()
    assert told


def test_an_app_that_has_switched_collections_off_has_none() -> None:
    told: list[bool] = []
    gc.collect()
    gc.disable()
    try:
        Finalized(told)
        forget_free_objects()
        assert not told
    finally:
        gc.enable()
    gc.collect()
    assert told, "and it is no longer frozen"


def test_what_somebody_has_frozen_stays_so() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    forget_free_objects()
    assert gc.get_freeze_count() == frozen > 0


def test_the_table_of_starting_threads_is_renewed_by_threads_that_end() -> None:
    started = []

    class Counted(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "Thread", Counted)
        renew_table_of_starting_threads()
    assert len(started) > 5, "the table has room for five"
    assert not any(thread.is_alive() for thread in started)


def test_where_no_thread_can_be_had_the_table_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    renew_table_of_starting_threads()
