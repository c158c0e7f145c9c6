"""Totals that only rise, whatever happens to the processes that count."""

import os

from trivet.observe.counters import PLACES
from trivet.observe.shared_memory import Region, WorkerCounters

REQUESTS = PLACES["requests"].start
OPEN = PLACES["connections_open"].start


def add(region: Region | None, place: int, more: int) -> None:
    assert region is not None
    numbers = region.view.cast("Q")
    numbers[place] += more


def test_what_a_child_counts_is_seen_by_its_parent() -> None:
    counters = WorkerCounters(regions=2)
    region = counters.begin(1)
    pid = os.fork()
    if pid == 0:
        add(region, REQUESTS, 3)
        os._exit(0)
    os.waitpid(pid, 0)
    assert counters.of_place(1)["requests"] == 3


def test_a_successor_beside_a_worker_that_leaves_loses_and_doubles_nothing() -> None:
    counters = WorkerCounters(regions=4)
    before = counters.begin(1)
    add(before, REQUESTS, 5)
    after = counters.begin(1)
    add(after, REQUESTS, 1)
    assert counters.of_place(1)["requests"] == 6
    add(before, REQUESTS, 2)  # it finishes what it has begun
    counters.end(1, before)
    assert counters.of_place(1)["requests"] == 8
    counters.end(1, before)  # ended once
    assert counters.of_place(1)["requests"] == 8


def test_connections_of_a_worker_that_was_killed_are_not_open_any_more() -> None:
    counters = WorkerCounters(regions=1)
    region = counters.begin(1)
    add(region, OPEN, 9)
    assert counters.total()["connections_open"] == 9
    counters.end(1, region)
    assert counters.total()["connections_open"] == 0


def test_a_region_is_empty_when_it_is_used_again() -> None:
    counters = WorkerCounters(regions=1)
    for _ in range(3):
        region = counters.begin(1)
        add(region, REQUESTS, 1)
        counters.end(1, region)
    assert counters.total()["requests"] == 3


def test_places_that_were_given_up_stay_in_the_total() -> None:
    counters = WorkerCounters(regions=2)
    first, second = counters.begin(1), counters.begin(2)
    add(first, REQUESTS, 1)
    add(second, REQUESTS, 1)
    counters.end(2, second)
    assert counters.total()["requests"] == 2


def test_a_process_for_which_there_is_no_region_is_not_counted() -> None:
    counters = WorkerCounters(regions=1)
    counters.begin(1)
    assert counters.begin(2) is None
    counters.end(2, None)
    assert counters.of_place(2)["requests"] == 0
