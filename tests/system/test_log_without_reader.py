"""A reader of standard output and standard error that stops reading: the server goes on."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.process import ServerProcess
from tests.system.test_reloading import Site, site
from tests.system.test_systemd import Told, manager, told

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="opens a named pipe for both directions"),
]

__all__ = ["manager", "site", "told"]  # fixtures

APP = """\
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


class FullPipe:
    """A named pipe that has no room left, and whose reader reads nothing until it is asked to."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        # Both ends in one: nobody waits for the other when it opens the pipe.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.path = path
        self._filled = 0
        try:
            while True:
                self._filled += os.write(self._descriptor, b"." * 512)
        except BlockingIOError:
            pass

    def read_until(self, end: bytes) -> list[str]:
        """Read on until something is in it; every line, without what filled the pipe."""
        os.set_blocking(self._descriptor, True)
        read = b""
        while end not in read:
            piece = os.read(self._descriptor, 65536)
            filling = piece[: self._filled]
            self._filled -= len(filling)
            read += piece[len(filling) :]
        return read.decode().splitlines()

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def full_pipe(tmp_path: Path) -> Iterator[FullPipe]:
    pipe = FullPipe(tmp_path / "output")
    yield pipe
    pipe.close()


Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(
    site: Site, full_pipe: FullPipe, start_command: Serve, manager: object, tmp_path: Path
) -> Serve:
    """Start a server whose whole output goes to the full pipe."""

    def start(*flags: str, source: str = APP) -> ServerProcess:
        site.deploy(source)
        command = [sys.executable, "-m", "trivet", "serve", "shop", "--bind", site.address.bind]
        redirected = ["sh", "-c", f'exec "$0" "$@" >{full_pipe.path} 2>&1', *command, *flags]
        notify = str(tmp_path / "notify")
        server = start_command(redirected, site.folder, [site.address], NOTIFY_SOCKET=notify)
        site.server = server
        return server

    return start


def told_first(told: Told) -> str:
    return told()[0]


def test_a_server_starts_reloads_replaces_and_stops_while_nobody_reads_its_log(
    serve: Serve, site: Site, told: Told
) -> None:
    server = serve("-w", "1")
    assert told_first(told) == "READY=1"
    killed = site.get()
    os.kill(int(killed), signal.SIGKILL)
    successor = site.get()
    assert successor != killed
    server.signal(signal.SIGHUP)
    assert told_first(told) == "RELOADING=1"
    assert told_first(told) == "READY=1"
    assert site.get() not in (killed, successor)
    assert server.stop() == 0
    assert not server.has_left_processes()


def test_the_lines_come_whole_and_in_order_when_the_reader_is_back(
    serve: Serve, site: Site, told: Told, full_pipe: FullPipe
) -> None:
    server = serve("-w", "1", "--no-access-log")
    told()
    os.kill(int(site.get()), signal.SIGKILL)
    site.get()
    lines = full_pipe.read_until(b" worker-died ")
    server.signal(signal.SIGTERM)
    lines += full_pipe.read_until(b" stopped ")
    # The hint of worker-died is a line of its own, and indented.
    names = [line.split()[2] for line in lines if not line.startswith(" ")]
    assert [name for name in names if name != "worker-ready"] == [
        "app-chosen",
        "workers-chosen",
        "listening",
        "server-ready",
        "worker-died",
        "stopping",
        "stopped",
    ]
    assert server.wait() == 0


def test_a_worker_ends_in_time_although_nobody_reads_its_access_log(
    serve: Serve, site: Site, told: Told
) -> None:
    server = serve("-w", "1", "--max-requests", "1")
    told()
    pids = {site.get()}
    server.wait_until(lambda: site.get() not in pids, "another worker answers")
    assert server.stop() == 0
    assert not server.has_left_processes()
