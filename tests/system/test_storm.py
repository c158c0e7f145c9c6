"""Random and mutated requests by the thousand: nothing crashes, hangs or leaks.

`--full-size` makes a million of them; its figures are in docs/reference/fuzzing.md.
"""

import sys

import pytest

from tests.conftest import REPOSITORY, StartServer
from tests.serving.addresses import TcpAddress
from tests.storm.run import State, run_storm, state_of, wait_at_once

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SEED = 20_261_125
WAITING_CLIENTS = 64


@pytest.mark.timeout(3600)
def test_a_storm_of_random_requests_leaves_nothing_behind(
    start_server: StartServer, full_size: bool
) -> None:
    server = start_server("trivet", "tests.storm.app:application", REPOSITORY)
    address = server.address
    assert isinstance(address, TcpAddress)
    place = (address.host, address.port)
    # What accepts before that is the kernel.
    server.wait_until(lambda: wait_at_once(place, 1) == 1, "answers")
    [worker] = server.child_pids()

    # Threads are made when they are first needed, and stay; so does the memory of their stacks.
    assert wait_at_once(place, WAITING_CLIENTS) == WAITING_CLIENTS
    before = state_of(worker)
    outcome = run_storm(place, worker, 1_000_000 if full_size else 10_000, SEED)
    server.wait_until(
        lambda: state_of(worker).descriptors <= before.descriptors, "gives its descriptors back"
    )

    after = state_of(worker)
    print(f"{before}\n{after}\n{outcome.seen}\nKiB after each round: {outcome.memory_kib}")
    assert server.child_pids() == [worker]
    assert wait_at_once(place, WAITING_CLIENTS) == WAITING_CLIENTS
    assert after.threads <= before.threads + 64
    assert outcome.seen["valid, answered"] > 1000
    assert {"damaged: 200", "damaged: 400", "noise: 400", "reset"} <= set(outcome.seen)
    assert is_flat(outcome.memory_kib, before)


def is_flat(memory_kib: list[int], before: State) -> bool:
    """No more at the end than after a fifth of the way, but for 5 %."""
    fifth = memory_kib[len(memory_kib) // 5]
    return memory_kib[-1] <= 1.05 * max(fifth, before.memory_kib)
