"""Where a server listens: TCP over IPv4 and IPv6, Unix sockets, several at once."""

import json
import stat
from pathlib import Path

import pytest

from tests.compliance.conftest import APPLICATION, Served, values_of_environ
from tests.conftest import REPOSITORY, StartServer
from tests.serving.addresses import Address, UnixAddress, free_tcp_address, has_ipv6
from tests.serving.wire import Wire


def test_a_unix_socket_serves(server_kind: str, start_server: StartServer, tmp_path: Path) -> None:
    address = UnixAddress(tmp_path / "server.sock")
    server = start_server(server_kind, APPLICATION, REPOSITORY, addresses=[address])
    assert stat.S_ISSOCK(address.path.stat().st_mode)
    with Wire(address) as wire:
        answer = wire.exchange("POST", "/plan?plan=read", body=b"through a file")
        assert json.loads(answer.body) == ["through a file"]
        environ = values_of_environ(wire.exchange("GET", "/environ"))
    assert environ["HTTP_HOST"] == "localhost"
    for name in ("REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT"):
        assert isinstance(environ[name], str), name
    assert environ["SERVER_NAME"] != ""
    server.stop()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_serves(server_kind: str, start_server: StartServer) -> None:
    address = free_tcp_address("::1")
    server = start_server(server_kind, APPLICATION, REPOSITORY, addresses=[address])
    environ = Served(server_kind, server).environ()
    assert environ["REMOTE_ADDR"] == "::1"
    assert environ["SERVER_PORT"] == str(address.port)
    assert environ["HTTP_HOST"] == f"[::1]:{address.port}"


def test_several_addresses_serve_at_once(server_kind: str, start_server: StartServer) -> None:
    addresses = [free_tcp_address() for _ in range(3)]
    start_server(server_kind, APPLICATION, REPOSITORY, addresses=list(addresses))
    for address in addresses:
        with Wire(address) as wire:
            environ = values_of_environ(wire.exchange("GET", "/environ"))
            assert environ["SERVER_PORT"] == str(address.port)


def test_tcp_and_unix_sockets_serve_side_by_side(
    server_kind: str, start_server: StartServer, tmp_path: Path
) -> None:
    addresses: list[Address] = [free_tcp_address(), UnixAddress(tmp_path / "server.sock")]
    start_server(server_kind, APPLICATION, REPOSITORY, addresses=addresses)
    for address in addresses:
        with Wire(address) as wire:
            assert wire.exchange("GET", "/response/one-item").body == b"one item"
