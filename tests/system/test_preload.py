"""`preload`: one process imports the app and forks the workers; reloads replace it too."""

import os
import signal
from pathlib import Path

import pytest

from tests.serving.load import under_load
from tests.system.test_processes import is_gone, wait_until
from tests.system.test_reloading import CLIENTS, FAILED, HANGS, RELOADED, Site, site

pytestmark = pytest.mark.system

__all__ = ["site"]  # a fixture

APP = """\
import os
print("imported by", os.getpid(), flush=True)
shared = bytearray(os.urandom(1024 * 1024)) * {mebibytes}

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{os.getpid()}}".encode()]
"""


def source(mebibytes: int = 1) -> str:
    return APP.format(mebibytes=mebibytes)


def test_the_app_is_imported_once_and_workers_are_the_supervisor_s(site: Site) -> None:
    site.deploy(source())
    server = site.serve("-w", "3", "--preload")
    parent = int(server.wait_for_output(r"imported by (\d+)").group(1))
    assert server.output.count("imported by") == 1
    assert parent != server.pid
    workers = set(server.child_pids()) - {parent}
    assert len(workers) == 3
    assert int(site.get()) in workers
    assert server.stop() == 0
    assert not server.has_left_processes()


def test_workers_share_the_memory_of_the_app(site: Site) -> None:
    site.deploy(source(mebibytes=60))
    server = site.serve("-w", "3", "--preload")
    shares = [proportional_mebibytes(pid) for pid in server.child_pids()]
    assert len(shares) == 4
    assert 60 < sum(shares) < 2 * 60


def proportional_mebibytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def test_a_reload_replaces_the_preload_parent_and_loses_nothing(site: Site) -> None:
    server = site.serve("-w", "2", "--preload", "--no-access-log")
    before = set(server.child_pids())
    with under_load(site.address, "/", CLIENTS, closing=CLIENTS // 2) as load:
        for number in range(3):
            load.wait_for_answers(load.answers + 50)
            site.reload(site.version(number + 1), RELOADED)
            assert site.get() == str(number + 1)
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    server.wait_until(lambda: len(server.child_pids()) == 3, "two workers and who forked them")
    assert not before & set(server.child_pids())


def test_new_code_that_does_not_load_leaves_the_old_parent(site: Site) -> None:
    server = site.serve("-w", "1", "--preload")
    before = set(server.child_pids())
    site.reload("raise RuntimeError('no database')\n", FAILED)
    server.wait_until(lambda: set(server.child_pids()) == before, "only the old ones are left")
    server.signal(signal.SIGTTIN)  # the old code can even start more workers
    server.wait_for_output("worker-ready worker=2")
    assert {site.get() for _ in range(4)} == {"0"}


def test_a_second_hangup_abandons_a_parent_that_hangs(site: Site) -> None:
    server = site.serve("-w", "1", "--preload")
    site.reload(HANGS, "hangs")
    site.reload(site.version(1), RELOADED)
    assert site.get() == "1"
    server.wait_until(lambda: len(server.child_pids()) == 2, "who hung has ended")


def test_an_app_that_does_not_load_ends_the_server(site: Site) -> None:
    site.deploy("import no_such_package\n")
    server = site.serve("-w", "2", "--preload", until="")
    assert server.wait() == 3
    assert server.output.count("trivet: importing shop failed") == 1
    assert not server.has_left_processes()


def test_a_crashed_worker_is_forked_again_without_an_import(site: Site) -> None:
    site.deploy(source())
    server = site.serve("-w", "1", "--preload")
    worker = int(site.get())
    os.kill(worker, signal.SIGKILL)
    assert int(site.get()) != worker
    assert server.output.count("imported by") == 1


def test_a_killed_parent_is_started_again_when_it_is_needed(site: Site) -> None:
    site.deploy(source())
    server = site.serve("-w", "1", "--preload")
    worker = int(site.get())
    parent = int(server.wait_for_output(r"imported by (\d+)").group(1))
    os.kill(parent, signal.SIGKILL)
    server.wait_for_output("worker-died worker=0")
    assert int(site.get()) == worker
    os.kill(worker, signal.SIGKILL)
    assert int(site.get()) != worker
    assert server.output.count("imported by") == 2


def test_an_import_that_starts_threads_is_told_once(site: Site) -> None:
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    site.deploy(threads + site.version(0))
    server = site.serve("-w", "2", "--preload")
    assert server.output.count("preload-threads threads=1") == 1
    assert server.stop() == 0


def test_exit_functions_of_the_app_run_in_each_worker(site: Site) -> None:
    site.deploy(
        "import atexit, os\natexit.register(lambda: print('bye', os.getpid(), flush=True))\n"
        + site.version(0)
    )
    server = site.serve("-w", "2", "--preload")
    assert server.stop() == 0
    assert server.output.count("bye") == 2


@pytest.mark.parametrize("hangs", [False, True], ids=["while serving", "while loading"])
def test_nothing_outlives_the_supervisor(site: Site, hangs: bool) -> None:
    if hangs:
        site.deploy(HANGS)
    server = site.serve("-w", "2", "--preload", until="hangs" if hangs else "server-ready")
    children = server.child_pids()
    assert len(children) == (1 if hangs else 3)
    server.signal(signal.SIGKILL)
    server.wait()
    for child in children:
        wait_until(lambda child=child: is_gone(child), f"process {child} ends")  # type: ignore[misc]  # mypy infers no type for the default
