"""Let the storm loose on a server that runs, and see what it holds; no server is started here."""

import os
import socket
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.storm.client import Client, read_answer

PROCESSES = 2
#: One batch of a process; between batches the memory is looked at.
BATCH = 2_500


@dataclass(frozen=True)
class State:
    """What a worker holds: a process that is well comes back to it."""

    pid: int
    descriptors: int
    threads: int
    memory_kib: int


@dataclass(frozen=True)
class Outcome:
    """What the clients saw, and the worker's memory after each round of batches, in KiB."""

    seen: Counter[str]
    memory_kib: list[int]


def state_of(worker: int) -> State:
    """Read the state of a worker from /proc."""
    status = Path(f"/proc/{worker}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return State(
        pid=worker,
        descriptors=len(os.listdir(f"/proc/{worker}/fd")),
        threads=int(fields["Threads"]),
        memory_kib=int(fields["VmRSS"].split()[0]),
    )


def run_storm(address: tuple[str, int], worker: int, requests: int, seed: int) -> Outcome:
    """Make so many requests with two processes. Raises what a client found wrong."""
    seen: Counter[str] = Counter()
    memory = []
    context = get_context("spawn")  # the caller may have threads
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        done = 0
        while done < requests:
            seeds = [seed + done + number for number in range(PROCESSES)]
            counts = [min(BATCH, (requests - done) // PROCESSES or 1)] * PROCESSES
            for found in pool.map(run_client, [address] * PROCESSES, seeds, counts):
                seen += found
            done += sum(counts)
            memory.append(state_of(worker).memory_kib)
    return Outcome(seen, memory)


def run_client(address: tuple[str, int], seed: int, count: int) -> Counter[str]:
    """One batch, in a process of the pool."""
    return Client(address, seed, count).run()


def wait_at_once(address: tuple[str, int], clients: int) -> int:
    """Ask so many views that wait at the same time; how many answered."""
    statuses = []

    def ask() -> None:
        with socket.create_connection(address, 30) as connection:
            connection.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            statuses.append(read_answer(connection)[0])

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses.count(200)
