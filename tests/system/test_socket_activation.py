"""Sockets that somebody else has opened: systemd's own tool, and a stand-in."""

import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

pytestmark = pytest.mark.system

APP = """\
import os
assert not [name for name in os.environ if name.startswith("LISTEN_")]

def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["SERVER_PORT"].encode()]
"""

#: Opens sockets as a service manager does, and becomes the command.
MANAGER = """\
import os, socket, sys
ports, command = sys.argv[1].split(","), sys.argv[2:]
held = [socket.create_server(("127.0.0.1", int(port))) for port in ports]
assert [listener.fileno() for listener in held] == list(range(3, 3 + len(held)))
for listener in held:
    listener.set_inheritable(True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(held)), LISTEN_FDNAMES="web:api")
os.execv(command[0], command)
"""

SERVE = [sys.executable, "-m", "trivet", "serve", "shop", "-w", "1"]


@pytest.fixture(autouse=True)
def shop(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)


def test_all_sockets_that_are_passed_are_served_also_after_a_reload(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    addresses = [free_tcp_address(), free_tcp_address()]
    ports = ",".join(str(address.port) for address in addresses)
    command = [sys.executable, "-c", MANAGER, ports, *SERVE]
    server = start_command(command, tmp_path, addresses)
    server.wait_for_output("sockets-passed sockets=2 names=web:api")
    server.wait_for_output("server-ready")
    server.signal(signal.SIGHUP)
    server.wait_for_output(" reloaded ")
    for address in addresses:
        with Wire(address) as wire:
            assert wire.exchange("GET", "/").body == str(address.port).encode()
    assert server.stop() == 0


def test_an_address_of_the_settings_wins_and_the_log_says_so(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    passed, own = free_tcp_address(), free_tcp_address()
    command = [sys.executable, "-c", MANAGER, str(passed.port), *SERVE, "--bind", own.bind]
    server = start_command(command, tmp_path, [own])
    server.wait_for_output("sockets-not-used sockets=1")
    server.wait_for_output("server-ready")
    with Wire(own) as wire:
        assert wire.exchange("GET", "/").body == str(own.port).encode()
    assert server.stop() == 0


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd's tool")
def test_the_first_connection_starts_the_server_and_is_answered(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    address = free_tcp_address()
    command = ["systemd-socket-activate", "-l", address.bind, "-E", "PYTHONPATH", *SERVE]
    server = start_command(command, tmp_path, [address])
    server.wait_for_output("Listening on")
    with Wire(address) as wire:
        assert wire.exchange("GET", "/").body == str(address.port).encode()
    assert server.stop() == 0
