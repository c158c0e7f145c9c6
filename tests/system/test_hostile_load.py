"""Thousands of clients that only hold on to the server change nothing for those that ask."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY, StartServer
from tests.serving.addresses import TcpAddress
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

APPS = Path(__file__).parents[1] / "apps"
CLIENTS = 8

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc and TCP_INFO are Linux's"),
    # At full size: two crowds of half a minute each, and up to a minute for what each leaves.
    pytest.mark.timeout(300),
]


@dataclass(frozen=True)
class Size:
    """How many hostile clients of each kind, and the settings that the server has."""

    heads: int
    bodies: int
    readers: int
    requests: int
    deadline_seconds: float
    environment: dict[str, str]


#: Without the control socket, over which anyone on this machine who runs `trivet ps` would make the
#: worker import what answers: a megabyte that the crowd has nothing to do with.
FULL = Size(9_000, 500, 500, 5_000, deadline_seconds=30.0, environment={"TRIVET_CONTROL": "off"})
SMALL = Size(
    300,
    40,
    40,
    500,
    deadline_seconds=3.0,
    environment={
        "TRIVET_THREADS": "16",
        "TRIVET_HEADER_TIMEOUT": "3s",
        "TRIVET_BODY_TIMEOUT": "3s",
        "TRIVET_WRITE_TIMEOUT": "3s",
        "TRIVET_ACCESS_LOG": "off",
    },
)
#: The main thread, the monitor, the watch, and two that serve.
FEW_THREADS = 5
#: Deadlines are looked at about once a second, and this machine may be busy.
SLACK_SECONDS = 10.0


@pytest.fixture
def size(full_size: bool) -> Size:
    return FULL if full_size else SMALL


@contextmanager
def hostile_clients(address: TcpAddress, size: Size) -> Iterator[subprocess.Popen[str]]:
    """Clients in a process of their own, which all hold on when the block begins."""
    numbers = [size.heads, size.bodies, size.readers]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.hostile", address.host]
        + [str(number) for number in [address.port, *numbers]],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holding\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def worker_memory_bytes(server: ServerProcess) -> int:
    (pid,) = server.child_pids()
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the worker has no memory")


def open_files(server: ServerProcess) -> int:
    (pid,) = server.child_pids()
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(server: ServerProcess) -> set[str]:
    (pid,) = server.child_pids()
    return set(os.listdir(f"/proc/{pid}/task"))


def ask(server: ServerProcess, requests: int) -> list[float]:
    """Ask so often on a few kept connections; the seconds that each answer took, sorted."""
    wires = [Wire(server.address) for _ in range(CLIENTS)]
    took = []
    for number in range(requests):
        wire = wires[number % CLIENTS]
        began = time.perf_counter()
        answer = wire.exchange("GET", "/")
        took.append(time.perf_counter() - began)
        assert (answer.status, answer.body) == (200, b"hello")
    for wire in wires:
        wire.socket.close()
    return sorted(took)


def serve_many(server: ServerProcess) -> None:
    """Let it have served before: uploads and downloads at once. Most threads for that end."""

    def work(_: int) -> None:
        with Wire(server.address) as wire:
            for _ in range(4):
                assert wire.exchange("POST", "/upload", body=bytes(100_000)).body == b"100000"
                assert len(wire.exchange("GET", "/large").body) == 8 * 1024 * 1024

    with ThreadPoolExecutor(4 * CLIENTS) as clients:
        list(clients.map(work, range(4 * CLIENTS)))
    server.wait_until(lambda: len(threads(server)) <= FEW_THREADS, "idle threads end", 60)


def shown(took: list[float]) -> str:
    return (
        f"p50 {took[len(took) // 2] * 1e6:.0f} µs, p99 {took[len(took) * 99 // 100] * 1e6:.0f} µs"
    )


def test_hostile_clients_are_gone_in_time_and_others_do_not_notice(
    start_server: StartServer, size: Size, full_size: bool
) -> None:
    server = start_server(
        "trivet", "hostile:app", APPS, workers=1, environment=dict(size.environment)
    )
    assert isinstance(server.address, TcpAddress)
    if full_size:
        serve_many(server)
    before = ask(server, size.requests)
    memory_before, files_before = worker_memory_bytes(server), open_files(server)

    with hostile_clients(server.address, size) as clients:
        during = ask(server, size.requests)
        memory_during = worker_memory_bytes(server)
        held = open_files(server) - files_before
        assert clients.stdout is not None
        report: dict[str, dict[str, Any]] = json.loads(clients.stdout.readline())

    # Two more may be open: the engine keeps the state of a thread that has blocked open in /proc.
    server.wait_until(lambda: open_files(server) <= files_before + 2, "every connection is closed")
    after = ask(server, size.requests)
    # Some seconds after the crowd the threads that have come for it end, also the one that serves.
    server.wait_until(lambda: len(threads(server)) <= FEW_THREADS, "the crowd's threads end", 60)
    ask(server, size.requests)
    memory_after: list[int] = []
    if full_size:
        # Threads end after ten seconds without work, and memory is given back after seventeen.
        most = int(memory_before * 1.1)
        for crowd in ("first", "second"):
            if crowd == "second":
                with hostile_clients(server.address, size) as clients:
                    assert clients.stdout is not None
                    clients.stdout.readline()
            server.wait_until(
                lambda: worker_memory_bytes(server) <= most,
                f"the memory of the {crowd} crowd is given back",
                60,
            )
            memory_after.append(worker_memory_bytes(server))

    print(f"before: {shown(before)}\nduring: {shown(during)}\nafter: {shown(after)}")
    print(
        f"memory in MiB: before {memory_before / 2**20:.1f}, during {memory_during / 2**20:.1f},"
        f" after {[round(bytes / 2**20, 1) for bytes in memory_after]}; held {held} connections"
    )
    print(json.dumps(report))

    assert held >= (size.heads + size.bodies + size.readers) * 0.9, "they did not hold on"
    for name, kind in report.items():
        assert kind["left"] == 0, f"{kind['left']} of the {name} were never ended"
        assert kind["gone_seconds"] <= size.deadline_seconds + SLACK_SECONDS, name
    assert report["heads"]["timed_out"] == size.heads
    assert report["bodies"]["timed_out"] == size.bodies
    if full_size:
        # This is the point of it, and the machine must be quiet.
        assert during[len(during) * 99 // 100] <= 2 * before[len(before) * 99 // 100]
