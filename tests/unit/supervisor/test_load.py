"""When the load asks for more workers or fewer, by made-up readings and a made-up clock."""

import pytest

from trivet.supervisor.load import AMPLE_SECONDS, TIGHT_SECONDS, Load, Reading

THREADS = 10

#: Each alone makes four workers short.
TIGHT = {
    "cpu": Reading(cpu=3.6),
    "queueing": Reading(queueing=8.0),
    "contending": Reading(contending=2.4),
    "busy": Reading(busy=36.0),
}
IDLE = Reading()
#: Enough for four and too much for three with room to spare.
BETWEEN = Reading(cpu=2.0)


class Clock:
    """A server whose load is looked at once a second; `workers` follow what is wished."""

    def __init__(self, workers: int, least: int = 1, most: int = 8) -> None:
        self.load = Load()
        self.now = 0.0
        self.workers, self.least, self.most = workers, least, most
        self.reasons: list[str] = []

    def look(self, reading: Reading, seconds: float = 1.0, each: float = 1.0) -> "Clock":
        end = self.now + seconds
        while self.now < end:
            began, self.now = self.now, self.now + each
            wish = self.load.wish(
                reading,
                workers=self.workers,
                least=self.least,
                most=self.most,
                threads=THREADS,
                began=began,
                now=self.now,
            )
            if wish is not None:
                self.workers = wish.workers
                self.reasons.append(wish.reason)
        return self


@pytest.mark.parametrize("measure", TIGHT)
def test_each_measure_alone_asks_for_one_worker_more_after_a_while(measure: str) -> None:
    server = Clock(workers=4)
    assert server.look(TIGHT[measure], TIGHT_SECONDS - 1).workers == 4
    assert server.look(TIGHT[measure]).workers == 5


def test_the_reason_says_what_was_short_in_numbers() -> None:
    cpu, busy = Clock(workers=4), Clock(workers=4)
    assert cpu.look(TIGHT["cpu"], 3).reasons == ["the workers use 90% of a CPU each"]
    assert busy.look(TIGHT["busy"], 3).reasons == ["90% of the threads are busy"]


def test_a_burst_that_is_over_soon_changes_nothing() -> None:
    server = Clock(workers=4)
    for _ in range(10):
        server.look(TIGHT["cpu"], TIGHT_SECONDS - 1).look(BETWEEN)
    assert server.workers == 4


def test_threads_that_wait_for_something_else_ask_for_nothing_while_others_are_free() -> None:
    waiting = Reading(cpu=0.2, busy=20.0)  # half of the threads of four workers
    assert Clock(workers=4).look(waiting, 600).workers == 4


def test_many_workers_get_a_quarter_more_at_a_time_and_never_more_than_the_most() -> None:
    server = Clock(workers=12, most=16)
    busy = Reading(cpu=100.0)
    assert server.look(busy, TIGHT_SECONDS).workers == 15
    assert server.look(busy, TIGHT_SECONDS).workers == 16
    assert server.look(busy, 600).workers == 16


def test_workers_that_are_not_needed_leave_one_at_a_time_and_slowly() -> None:
    server = Clock(workers=4, least=2)
    assert server.look(IDLE, AMPLE_SECONDS - 1).workers == 4
    assert server.look(IDLE).workers == 3
    assert server.look(IDLE, AMPLE_SECONDS - 1).workers == 3
    assert server.look(IDLE).workers == 2
    assert server.look(IDLE, 600).workers == 2
    assert server.reasons[0] == "one less was enough for 60 s"


def test_one_busy_moment_begins_the_wait_anew() -> None:
    server = Clock(workers=4)
    server.look(IDLE, AMPLE_SECONDS - 1).look(BETWEEN).look(IDLE, AMPLE_SECONDS - 1)
    assert server.workers == 4


@pytest.mark.parametrize("load", [0.5, 1.0, 1.7, 2.3, 3.1, 4.4, 6.0])
def test_under_a_constant_load_the_number_comes_to_rest(load: float) -> None:
    server = Clock(workers=4)
    server.look(Reading(cpu=load), 1200)
    at_rest = server.workers
    assert server.look(Reading(cpu=load), 1200).workers == at_rest
    assert load / at_rest < 0.8


def test_the_time_counts_and_not_the_number_of_looks() -> None:
    """A supervisor that was held up looks late, and then the reading is of all that time."""
    assert Clock(workers=4).look(TIGHT["cpu"], TIGHT_SECONDS, each=TIGHT_SECONDS).workers == 5


def test_a_number_outside_of_the_bounds_is_corrected_at_once() -> None:
    low, high = Clock(workers=1, least=3), Clock(workers=9, most=8)
    assert low.look(IDLE).workers == 3
    assert high.look(TIGHT["cpu"]).workers == 8
    assert low.reasons == ["min_workers is 3 and max_workers is 8"]
