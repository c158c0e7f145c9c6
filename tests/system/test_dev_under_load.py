"""Edits under load: no request fails, and nothing grows."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.addresses import TcpAddress
from tests.serving.load import under_load
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.dev_server import DevServer

pytestmark = pytest.mark.system

CLIENTS_OF_EACH_KIND = 8


@contextlib.contextmanager
def new_connections(address: TcpAddress, clients: int) -> Iterator[list[str]]:
    """Clients that connect anew for each request; what went wrong."""
    wrong: list[str] = []
    enough = threading.Event()

    def run() -> None:
        while not enough.is_set():
            try:
                with Wire(address) as wire:
                    status = wire.exchange("GET", "/", [("Connection", "close")]).status
                    if status != 200:
                        wrong.append(str(status))
            except (AssertionError, OSError) as error:
                wrong.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        enough.set()
        for thread in threads:
            thread.join(timeout=30)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def private_kilobytes(pid: int) -> int:
    """What the process alone holds in memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def family(server: DevServer) -> list[int]:
    """Every process of the server: supervisor, watcher, warm parent, workers."""
    found, new = [], [server.process.pid]
    while new:
        found += new
        new = [
            int(child)
            for pid in new
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return found


@pytest.mark.timeout(600)
def test_edits_under_load_fail_no_request_and_nothing_grows(
    start_command: Callable[..., ServerProcess],
    tmp_path: Path,
    trivet_folder: Path,
    full_size: bool,
) -> None:
    # The lines of the requests would be most of the work of looking for the lines of the reloads.
    server = DevServer(start_command, tmp_path / "project", trivet_folder, {}, "--no-access-log")
    server.wait_until_ready()
    edits = 100 if full_size else 10
    with (
        under_load(server.address, "/", CLIENTS_OF_EACH_KIND) as kept,
        new_connections(server.address, CLIENTS_OF_EACH_KIND) as wrong,
    ):
        before = None
        for number in range(edits):
            answers = kept.answers
            server.edit(f"value = {number}")
            # Every client has had its turn with the new code.
            kept.wait_for_answers(answers + 2 * CLIENTS_OF_EACH_KIND)
            if number == 4:
                before = descriptors(server.process.pid), private_kilobytes(server.process.pid)
    assert wrong == []
    assert (kept.failures, kept.wrong, kept.refused) == ([], [], 0)
    # Old workers go when their last connection has.
    server.process.wait_until(lambda: len(family(server)) == 4, "four processes are left")
    assert before is not None
    # A worker more, or connections on their way, when the first count was taken.
    assert descriptors(server.process.pid) <= before[0] + 2
    assert private_kilobytes(server.process.pid) <= before[1] + 1024
    assert server.get()[1].startswith(f"{edits - 1} ")
