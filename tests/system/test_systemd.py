"""What systemd is told, by a socket that stands in for it."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.test_reloading import FAILED, RELOADED, Site, site

pytestmark = pytest.mark.system

__all__ = ["site"]  # a fixture


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.settimeout(20)
        yield opened


Told = Callable[[], list[str]]


@pytest.fixture
def told(manager: socket.socket) -> Told:
    return lambda: manager.recv(4096).decode().split("\n")


def serve(site: Site, manager: socket.socket) -> None:
    site.serve("-w", "2", NOTIFY_SOCKET=str(manager.getsockname()))


def test_ready_reloading_and_stopping_are_told(
    site: Site, manager: socket.socket, told: Told
) -> None:
    serve(site, manager)
    assert told() == ["READY=1", "STATUS=2 workers serve", f"MAINPID={site.server.pid}"]
    site.reload(site.version(1), RELOADED)
    reloading, moment, _ = told()
    assert reloading == "RELOADING=1"
    assert moment.removeprefix("MONOTONIC_USEC=").isdigit()
    assert told()[0] == "READY=1"
    assert site.server.stop() == 0
    assert told()[0] == "STOPPING=1"


def test_a_reload_that_fails_ends_too_and_says_so(
    site: Site, manager: socket.socket, told: Told
) -> None:
    serve(site, manager)
    told()
    site.reload("broken = \n", FAILED)
    assert told()[0] == "RELOADING=1"
    ready, status, _ = told()
    assert ready == "READY=1"
    assert status.startswith("STATUS=reload failed, the old workers go on: importing shop failed")


def test_the_watchdog_hears_of_the_supervisor_again_and_again(
    site: Site, manager: socket.socket, told: Told
) -> None:
    site.serve("-w", "1", NOTIFY_SOCKET=str(manager.getsockname()), WATCHDOG_USEC="100000")
    heard = [told()[0] for _ in range(6)]
    assert heard.count("WATCHDOG=1") >= 5
    assert set(heard) <= {"WATCHDOG=1", "READY=1"}
    assert site.server.stop() == 0


def test_the_app_does_not_see_the_manager_s_socket(site: Site, manager: socket.socket) -> None:
    site.deploy("import os\nassert 'NOTIFY_SOCKET' not in os.environ\n" + site.version(0))
    serve(site, manager)
    assert site.get() == "0"
