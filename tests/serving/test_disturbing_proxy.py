"""The proxy does to a connection what its table says, and nothing else."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.serving.addresses import SOCKET_TIMEOUT_SECONDS, TcpAddress
from tests.serving.disturbing_proxy import BENIGN, CUTTING, UP, DisturbingProxy

DATA = bytes(range(256)) * 400


@contextmanager
def through(name: str) -> Iterator[tuple[DisturbingProxy, socket.socket, socket.socket]]:
    """The proxy, the client's socket, and the one that the server has accepted."""
    table = BENIGN | CUTTING
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SOCKET_TIMEOUT_SECONDS)
        server_address = TcpAddress(*listener.getsockname())
        with (
            DisturbingProxy(server_address, table[name]) as proxy,
            proxy.address.connect() as client,
        ):
            server, _ = listener.accept()
            server.settimeout(SOCKET_TIMEOUT_SECONDS)
            with server:
                yield proxy, client, server


def read_to_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("name", BENIGN)
def test_every_byte_arrives_in_both_directions_with_the_end(name: str) -> None:
    with through(name) as (_, client, server):
        for source, target in ((client, server), (server, client)):
            source.sendall(DATA[:20_000])
            source.shutdown(socket.SHUT_WR)
            assert read_to_end(target) == DATA[:20_000]


def test_bytes_are_split() -> None:
    with through("pieces of 1 to 3") as (proxy, client, server):
        client.sendall(DATA[:3_000])
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(server) == DATA[:3_000]
        assert proxy.pieces[UP] >= 1_000


def test_what_is_held_goes_on_in_one_piece() -> None:
    with through("requests held") as (proxy, client, server):
        proxy.hold()
        for at in range(0, 100, 10):
            client.sendall(DATA[at : at + 10])
        # The end is as good as a release: nothing more can come.
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(server) == DATA[:100]
        assert proxy.pieces[UP] == 1


@pytest.mark.parametrize("place", [1, 5_000])
def test_a_half_close_ends_one_direction_and_leaves_the_other(place: int) -> None:
    with through(f"half-close up after {place}") as (proxy, client, server):
        client.sendall(DATA)
        assert read_to_end(server) == DATA[:place]
        server.sendall(b"answer")
        server.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b"answer"
        assert proxy.cuts == 1


@pytest.mark.parametrize("place", [1, 5_000])
def test_a_reset_is_seen_by_both_sides(place: int) -> None:
    with through(f"reset down after {place}") as (_, client, server):
        server.sendall(DATA)
        for end in (client, server):
            with pytest.raises(ConnectionError):
                read_to_end(end)
