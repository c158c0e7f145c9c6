"""A reload by HUP: new workers first, old ones drain; nothing is lost, whatever the code does."""

import http.client
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.load import under_load
from tests.serving.process import ServerProcess

pytestmark = pytest.mark.system

CLIENTS = 32

APP = """\
import os, time

def app(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        print("waiting", flush=True)
        open(environ["QUERY_STRING"]).read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1")])
    return [b"{version}"]
"""

HANGS = 'print("hangs", flush=True)\nimport time\ntime.sleep(600)\n'


class Site:
    """A project whose app is deployed again and again, and the server that serves it."""

    def __init__(self, folder: Path, start: Callable[..., ServerProcess]) -> None:
        self.folder = folder
        self.address = free_tcp_address()
        self._start = start
        self._reloads = 0

    def deploy(self, source: str) -> None:
        """Put the new version in place at once, as deployments should."""
        new = self.folder / "shop.new"
        new.write_text(source)
        # Python takes a cached module for current when time and size have not changed.
        moment = time.time() + self._reloads
        os.utime(new, (moment, moment))
        new.replace(self.folder / "shop.py")

    def version(self, version: int) -> str:
        return APP.replace("{version}", str(version % 10))

    def serve(self, *flags: str, until: str = "server-ready", **environment: str) -> ServerProcess:
        command = [sys.executable, "-m", "trivet", "serve", "shop", *flags]
        if "--bind" not in flags and not (self.folder / "trivet.toml").exists():
            command += ["--bind", self.address.bind]
        self.server = self._start(command, self.folder, [self.address], **environment)
        if until:
            self.server.wait_for_output(until)
        return self.server

    def reload(self, source: str, outcome: str) -> None:
        """Deploy, send HUP, and wait until the log says what came of it."""
        self._reloads += 1
        self.deploy(source)
        before = len(re.findall(outcome, self.server.output))
        self.server.signal(signal.SIGHUP)
        self.server.wait_until(
            lambda: len(re.findall(outcome, self.server.output)) > before, f"{outcome} is logged"
        )

    def get(self, path: str = "/", address: TcpAddress | None = None) -> str:
        place = address or self.address
        connection = http.client.HTTPConnection(place.host, place.port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def site(tmp_path: Path, start_command: Callable[..., ServerProcess]) -> Site:
    folder = tmp_path / "project"
    folder.mkdir()
    site = Site(folder, start_command)
    site.deploy(site.version(0))
    return site


RELOADED = r" reloaded workers="
FAILED = r" reload-failed "


@pytest.mark.timeout(180)
@pytest.mark.parametrize("flags", [("-w", "1"), ("-w", "2")], ids=["1 worker", "2 workers"])
def test_reloads_under_load_lose_nothing(
    site: Site, flags: tuple[str, ...], full_size: bool
) -> None:
    server = site.serve(*flags, "--no-access-log")
    with under_load(site.address, "/", CLIENTS, closing=CLIENTS // 2) as load:
        for number in range(20 if full_size else 4):
            began = time.monotonic()
            load.wait_for_answers(load.answers + 50)
            site.reload(site.version(number + 1), RELOADED)
            assert site.get() == str((number + 1) % 10)
            if full_size:  # twenty in a minute is what was promised
                time.sleep(max(0.0, 3.0 - (time.monotonic() - began)))
        load.wait_for_answers(load.answers + 50)
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    assert server.stop() == 0
    assert not server.has_left_processes()


@pytest.mark.timeout(180)
def test_a_deploy_that_does_not_load_every_second_time_loses_nothing(
    site: Site, full_size: bool
) -> None:
    server = site.serve("-w", "2", "--no-access-log")
    with under_load(site.address, "/", CLIENTS, closing=CLIENTS // 2) as load:
        for number in range(20 if full_size else 4):
            began = time.monotonic()
            load.wait_for_answers(load.answers + 50)
            if number % 2 == 0:
                site.reload("raise RuntimeError('no database')\n", FAILED)
                assert site.get() == str(number % 10)  # of the last version that loaded
            else:
                site.reload(site.version(number + 1), RELOADED)
                assert site.get() == str((number + 1) % 10)
            if full_size:
                time.sleep(max(0.0, 3.0 - (time.monotonic() - began)))
        load.wait_for_answers(load.answers + 50)
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    assert "RuntimeError: no database" in server.output
    assert server.stop() == 0


def test_a_request_in_flight_is_finished_by_the_old_worker(site: Site, tmp_path: Path) -> None:
    server = site.serve("-w", "1")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    answers: list[str] = []
    request = threading.Thread(target=lambda: answers.append(site.get(f"/wait?{fifo}")))
    request.start()
    server.wait_for_output("waiting")
    site.reload(site.version(1), RELOADED)
    assert site.get() == "1"
    fifo.write_text("go on")
    request.join()
    assert answers == ["0"]
    server.wait_until(lambda: len(server.child_pids()) == 1, "the old worker has ended")


def test_a_second_hangup_abandons_a_reload_that_hangs_at_import(site: Site) -> None:
    server = site.serve("-w", "2")
    site.reload(HANGS, "hangs")
    assert site.get() == "0"
    site.reload(site.version(1), RELOADED)
    assert {site.get() for _ in range(8)} == {"1"}
    server.wait_until(lambda: len(server.child_pids()) == 2, "who hung has ended")


def test_a_stop_during_a_reload_that_hangs_does_not_wait_for_it(site: Site) -> None:
    server = site.serve("-w", "2")
    site.reload(HANGS, "hangs")
    assert server.stop() == 0
    assert not server.has_left_processes()


@pytest.mark.parametrize("flags", [(), ("--preload",)], ids=["plain", "preload"])
def test_nothing_outlives_a_supervisor_that_is_killed_during_a_reload(
    site: Site, flags: tuple[str, ...]
) -> None:
    server = site.serve("-w", "2", *flags)
    site.reload(HANGS, "hangs")
    processes = server.child_pids()
    assert len(processes) == 3 + len(flags)  # the old ones, and one that hangs
    server.signal(signal.SIGKILL)
    server.wait()
    deadline = time.monotonic() + 30
    while left := [pid for pid in processes if not is_gone(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_a_worker_that_crashes_during_a_reload_is_replaced_by_its_successor(site: Site) -> None:
    server = site.serve("-w", "1")
    (old,) = server.child_pids()
    site.reload(HANGS, "hangs")
    os.kill(old, signal.SIGKILL)
    server.wait_for_output("worker-died")
    site.reload(site.version(2), RELOADED)
    assert site.get() == "2"
    server.wait_until(lambda: len(server.child_pids()) == 1, "one worker is left")


def test_new_code_that_crashes_while_it_is_imported_leaves_the_old_workers(site: Site) -> None:
    site.serve("-w", "2")
    site.reload("import os\nos.abort()\n", FAILED)
    assert site.get() == "0"
    assert "was killed by SIGABRT while it loaded the app" in site.server.output
    site.reload(site.version(1), RELOADED)
    assert site.get() == "1"
    # The old worker was there all the time: there was nothing to start again.
    assert "restart-delayed" not in site.server.output


def test_settings_that_are_wrong_leave_the_old_workers(site: Site) -> None:
    file = site.folder / "trivet.toml"
    file.write_text(f'bind = "{site.address.bind}"\nworkers = 1\n')
    site.serve()
    file.write_text(f'bind = "{site.address.bind}"\nworkers = "many"\n')
    site.reload(site.version(1), FAILED)
    assert "workers" in site.server.output.partition("reload-failed")[2]
    assert site.get() == "0"


def test_the_number_of_workers_is_read_again(site: Site) -> None:
    file = site.folder / "trivet.toml"
    file.write_text(f'bind = "{site.address.bind}"\nworkers = 1\n')
    server = site.serve()
    file.write_text(f'bind = "{site.address.bind}"\nworkers = 3\n')
    site.reload(site.version(1), RELOADED)
    server.wait_until(lambda: len(server.child_pids()) == 3, "there are three workers")
    file.write_text(f'bind = "{site.address.bind}"\nworkers = 1\n')
    site.reload(site.version(2), RELOADED)
    server.wait_until(lambda: len(server.child_pids()) == 1, "there is one worker")
    assert site.get() == "2"


def test_an_address_that_is_new_is_bound_and_one_left_out_is_closed(site: Site) -> None:
    file, kept, left, new = site.folder / "trivet.toml", *(free_tcp_address() for _ in range(3))
    file.write_text(f'bind = ["{kept.bind}", "{left.bind}"]\nworkers = 2\naccess_log = false\n')
    site.address = kept
    server = site.serve()
    with under_load(left, "/", clients=8, closing=4) as load:
        load.wait_for_answers(200)
        file.write_text(f'bind = ["{new.bind}", "{kept.bind}"]\nworkers = 2\n')
        site.reload(site.version(1), "address-closed")
        server.wait_until(lambda: load.refused, "connections are refused")
    assert (load.failures, load.wrong) == ([], [])
    server.wait_for_output(RELOADED)
    assert site.get(address=new) == site.get(address=kept) == "1"
    with pytest.raises(ConnectionRefusedError):
        left.connect()
    assert f"address-closed url=http://{left.authority}" in server.output
    assert server.stop() == 0


def test_an_address_that_cannot_be_had_changes_nothing(site: Site) -> None:
    file, other = site.folder / "trivet.toml", free_tcp_address()
    file.write_text(f'bind = ["{site.address.bind}"]\nworkers = 1\n')
    site.serve()
    file.write_text(f'bind = ["{other.bind}", "unix:/no/such/directory/socket"]\nworkers = 1\n')
    site.reload(site.version(1), FAILED)
    assert site.get() == "0"
    with pytest.raises(ConnectionRefusedError):
        other.connect()


def test_an_address_that_only_broken_code_was_to_serve_is_closed_again(site: Site) -> None:
    file, other = site.folder / "trivet.toml", free_tcp_address()
    file.write_text(f'bind = ["{site.address.bind}"]\nworkers = 1\n')
    site.serve()
    file.write_text(f'bind = ["{site.address.bind}", "{other.bind}"]\nworkers = 1\n')
    site.reload("broken = \n", "address-closed")
    assert site.get() == "0"
    with pytest.raises(ConnectionRefusedError):
        other.connect()


def test_the_file_of_a_unix_socket_that_is_left_out_is_removed(site: Site, tmp_path: Path) -> None:
    file, path = site.folder / "trivet.toml", tmp_path / "socket"
    file.write_text(f'bind = ["{site.address.bind}", "unix:{path}"]\nworkers = 1\n')
    site.serve()
    assert path.exists()
    file.write_text(f'bind = ["{site.address.bind}"]\nworkers = 1\n')
    site.reload(site.version(1), "address-closed")
    assert not path.exists()
