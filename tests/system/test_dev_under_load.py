"""Edits under load: no request fails, and nothing grows."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving.addresses import TcpAddress
from tests.serving.load import under_load
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.dev_server import DevServer

pytestmark = pytest.mark.system

CLIENTS_OF_EACH_KIND = 8

#: The allocator's reserves, and pages that were shared and are not any more.
MOST_KILOBYTES_MORE = 1024


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


@dataclass(frozen=True)
class Weight:
    """What one process has."""

    descriptors: int
    #: Its memory, with its part of what it shares with others (proc(5): Pss).
    kilobytes: int


def weigh(pid: int) -> Weight:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    share = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return Weight(len(list(Path(f"/proc/{pid}/fd").iterdir())), share)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def family(server: DevServer) -> dict[str, int]:
    """Every process of the server by what it is; nothing while one is on its way or goes."""
    supervisor = server.process.pid
    try:
        grandchildren = {child: children(child) for child in children(supervisor)}
    except FileNotFoundError:
        return {}
    warm = [child for child, workers in grandchildren.items() if workers]
    if len(grandchildren) != 2 or len(warm) != 1 or len(grandchildren[warm[0]]) != 1:
        return {}
    return {
        "supervisor": supervisor,
        "watcher": next(child for child in grandchildren if child not in warm),
        "warm parent": warm[0],
        "worker": grandchildren[warm[0]][0],
    }


def weigh_all(server: DevServer) -> dict[str, Weight]:
    """Each process of the server, once only the newest worker is left."""
    found: dict[str, Weight] = {}

    def is_weighed() -> bool:
        found.clear()
        try:
            found.update({role: weigh(pid) for role, pid in family(server).items()})
        except OSError:  # it went while it was looked at
            found.clear()
        return len(found) == 4

    server.process.wait_until(is_weighed, "four processes are left")
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
    weighed_after = edits // 5
    with (
        under_load(server.address, "/", CLIENTS_OF_EACH_KIND) as kept,
        new_connections(server.address, CLIENTS_OF_EACH_KIND) as wrong,
    ):
        for number in range(edits):
            answers = kept.answers
            server.edit(f"value = {number}")
            # Every client has had its turn with the new code.
            kept.wait_for_answers(answers + 2 * CLIENTS_OF_EACH_KIND)
            if number + 1 == weighed_after:
                before = weigh_all(server)
        after = weigh_all(server)
    assert wrong == []
    assert (kept.failures, kept.wrong, kept.refused) == ([], [], 0)
    for role, weight in after.items():
        print(f"{role}: {before[role]} after {weighed_after} edits, {weight} after {edits}")
        # Connections come and go in the worker; those that are handed over pass the supervisor.
        assert weight.descriptors <= before[role].descriptors + 2 * CLIENTS_OF_EACH_KIND, role
        assert weight.kilobytes <= before[role].kilobytes + MOST_KILOBYTES_MORE, role
    assert server.get()[1].startswith(f"{edits - 1} ")


def is_asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def wake_ups(pid: int) -> int:
    """How often the process has waited for something and gone on."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("voluntary_ctxt_switches:")[2].split()[0])


def test_who_watches_sleeps_while_nothing_is_saved(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> None:
    server = DevServer(start_command, tmp_path / "project", trivet_folder, {})
    server.wait_until_ready()
    server.edit("value = 1")
    server.process.wait_until(lambda: family(server), "four processes are left")
    watcher = family(server)["watcher"]
    # It has told of the save, and its way back to sleep is no waking up.
    server.process.wait_until(lambda: is_asleep(watcher), "who watches is asleep")
    before = wake_ups(watcher)
    # Time in which it could have woken up, spent on what it has no part in.
    for _ in range(200):
        assert server.get()[0] == 200
    assert wake_ups(watcher) == before
