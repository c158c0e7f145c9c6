"""Workers that are killed are replaced, and nobody but their own clients notices."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.conftest import StartServer
from tests.serving.load import under_load
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = pytest.mark.system

CLIENTS = 8


@pytest.fixture
def server(start_server: StartServer) -> Iterator[ServerProcess]:
    server = start_server("trivet", "waiting:app", APPS, workers=2)
    server.wait_until(lambda: len(serving_pids(server)) == 2, "both workers answer")
    yield server
    assert server.stop() == 0
    assert not server.has_left_processes()


def serving_pids(server: ServerProcess) -> set[int]:
    """Ask on new connections which processes answer."""
    pids = set()
    for _ in range(16):
        with Wire(server.address) as wire:
            pids.add(int(wire.exchange("GET", "/process", [("Connection", "close")]).body))
    return pids


def kill_one_worker(server: ServerProcess) -> int:
    """Kill a worker when there are two, and return its number when another one has been started."""
    server.wait_until(lambda: len(server.child_pids()) == 2, "there are two workers")
    before = server.child_pids()
    os.kill(before[0], signal.SIGKILL)
    server.wait_until(
        lambda: len(set(server.child_pids()) - set(before)) == 1, "the killed worker is replaced"
    )
    return before[0]


def test_a_killed_worker_is_replaced(server: ServerProcess) -> None:
    killed = kill_one_worker(server)
    survivors_and_new = set(server.child_pids())
    assert killed not in survivors_and_new
    assert serving_pids(server) <= survivors_and_new
    server.wait_until(lambda: serving_pids(server) == survivors_and_new, "both workers answer")


@pytest.mark.timeout(180)
def test_only_requests_inside_killed_workers_fail(server: ServerProcess, full_size: bool) -> None:
    """The last answer on a connection names the process that owned it."""
    killed = set()
    with under_load(server.address, "/process", clients=CLIENTS) as load:
        for _ in range(20 if full_size else 5):
            began = time.monotonic()
            load.wait_for_answers(load.answers + 50)  # so some worker is there
            victim = server.child_pids()[0]
            os.kill(victim, signal.SIGKILL)
            killed.add(victim)
            if full_size:  # one kill a second is what was promised
                time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
        load.wait_for_answers(load.answers + 50)
    assert load.refused == 0
    assert load.wrong == []
    owners = [
        int(failure.answered_before[0]) for failure in load.failures if failure.answered_before
    ]
    assert set(owners) <= killed
    # A connection without an answer may have been in the hands of the killed worker as well.
    assert len(load.failures) <= CLIENTS * len(killed)


def test_the_server_says_that_a_worker_died(server: ServerProcess) -> None:
    killed = kill_one_worker(server)
    server.wait_for_output(rf"{killed}\b.*(SIGKILL|signal 9|killed)")


def test_workers_do_not_outlive_a_killed_supervisor(start_server: StartServer) -> None:
    server = start_server("trivet", "waiting:app", APPS, workers=2)
    server.wait_until(lambda: len(server.child_pids()) == 2, "there are two workers")
    serving_pids(server)
    server.signal(signal.SIGKILL)
    server.wait()
    deadline = time.monotonic() + 30
    while server.has_left_processes() and time.monotonic() < deadline:
        time.sleep(0.01)  # nobody tells us: the workers are no children of the test
    assert not server.has_left_processes()
