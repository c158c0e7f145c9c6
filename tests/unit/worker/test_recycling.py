"""trivet.worker.recycling: when a worker asks to be replaced."""

import pytest

from trivet.settings.quantities import MIB
from trivet.settings.table import Settings
from trivet.worker import recycling
from trivet.worker.recycling import MOST_REQUESTS_BETWEEN_LOOKS, Recycling


class CountingEngine:
    """Answers requests one by one and tells when it was asked to."""

    def __init__(self) -> None:
        self.answered = 0
        self.waits: list[int] = []

    def tell_after_requests(self, count: int) -> None:
        self.waits.append(count)

    def stats(self) -> dict[str, int]:
        return {"requests": self.answered}


def watch(settings: Settings, memory: int = 0) -> tuple[Recycling, CountingEngine, list[str]]:
    engine, reasons = CountingEngine(), list[str]()
    watching = Recycling(engine, settings, reasons.append, memory=lambda limit: memory)
    watching.begin()
    return watching, engine, reasons


def test_without_limits_the_engine_is_asked_nothing() -> None:
    watching, engine, reasons = watch(Settings())
    engine.answered = 10**9
    watching.look()
    assert engine.waits == []
    assert reasons == []


def test_the_last_request_is_waited_for_and_told_once() -> None:
    watching, engine, reasons = watch(Settings(max_requests=1000))
    assert engine.waits == [1000]
    engine.answered = 1000
    watching.look()
    watching.look()
    assert reasons == ["it has answered 1000 requests (max_requests)"]


def test_other_news_of_the_engine_change_nothing() -> None:
    watching, engine, reasons = watch(Settings(max_requests=1000))
    watching.look()
    assert engine.waits == [1000]
    assert reasons == []


def test_jitter_makes_the_number_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recycling, "random_below", lambda limit: limit - 1)
    _, engine, _ = watch(Settings(max_requests=1000, max_requests_jitter=50))
    assert engine.waits == [1050]


def test_memory_is_looked_at_after_requests_only_and_not_after_each_of_many() -> None:
    watching, engine, reasons = watch(Settings(max_memory=100 * MIB), memory=99 * MIB)
    engine.answered = 1_000_000
    watching.look()
    assert engine.waits == [1, MOST_REQUESTS_BETWEEN_LOOKS]
    assert reasons == []


def test_a_few_requests_in_quick_succession_are_not_taken_for_a_high_rate() -> None:
    # A worker that leaks much in each of few requests would wait for a hundred more.
    watching, engine, _ = watch(Settings(max_memory=100 * MIB), memory=MIB)
    for _ in range(3):
        engine.answered += engine.waits[-1]
        watching.look()
    assert engine.waits == [1, 2, 4, 8]


def test_too_much_memory_is_told_with_how_much() -> None:
    watching, engine, reasons = watch(Settings(max_memory=100 * MIB), memory=101 * MIB)
    engine.answered = 1
    watching.look()
    assert reasons == ["it uses 101 MiB of memory (max_memory)"]


def test_with_both_limits_the_nearer_one_is_waited_for() -> None:
    watching, engine, _ = watch(Settings(max_memory=100 * MIB, max_requests=3), memory=MIB)
    engine.answered = 1
    watching.look()
    assert engine.waits == [1, 2]


def test_this_process_has_memory() -> None:
    resident = recycling.resident_bytes()
    assert MIB < recycling.proportional_bytes() <= 2 * resident
    assert recycling.memory_beyond(limit=10**15) == pytest.approx(resident, rel=0.5)
    assert recycling.memory_beyond(limit=MIB) > MIB
