"""What is measured of the workers, from counters and from the system."""

import os
import time

from trivet.observe.counters import PLACES, WIDTH, Numbers
from trivet.supervisor.following import busy_threads, cpu_seconds_of, spent


def counted(**counters: int) -> Numbers:
    values = [0] * WIDTH
    for name, value in counters.items():
        values[PLACES[name].start] = value
    return Numbers(values)


def test_threads_of_conversations_and_of_slow_clients_are_not_busy() -> None:
    numbers = counted(requests_begun=20, requests=10, conversations=3, threads_on_clients=2)
    assert busy_threads(numbers) == 5


def test_cpu_time_of_a_process_is_what_the_process_itself_counts() -> None:
    before = time.process_time()
    told = cpu_seconds_of(frozenset({os.getpid()}))[os.getpid()]
    # The system counts in hundredths, and not more often than at each tick.
    assert before - 0.1 <= told <= time.process_time() + 0.1


def test_a_process_that_has_ended_has_no_cpu_time() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert cpu_seconds_of(frozenset({child})) == {}


def test_only_processes_of_both_looks_are_compared() -> None:
    assert spent({1: 10.0, 2: 5.0}, {2: 5.5, 3: 80.0}) == 0.5
