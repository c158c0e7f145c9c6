"""Crowds against a listener of our own: they connect, notice closes, and pause."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from benchmarks.crowd import CrowdFailed, beside, source_address
from benchmarks.scenarios import SCENARIOS, Crowd, Scenario

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!"


@contextmanager
def listening() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port, and the connections that it accepted; each whole head is answered."""
    accepted: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(ConnectionResetError):
            while data := connection.recv(65536):
                if data.endswith(b"\r\n\r\n"):
                    connection.sendall(ANSWER)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            accepted.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], accepted
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def hello_beside(crowd: Crowd) -> Scenario:
    return replace(SCENARIOS["hello"], beside=crowd)


@pytest.mark.parametrize("kind", ["idle", "half-sent"])
def test_silent_connections_are_whole_until_one_is_closed(kind: str) -> None:
    crowd = Crowd(kind="idle" if kind == "idle" else "half-sent", count=3)
    with listening() as (port, accepted), beside(port, hello_beside(crowd)) as there:
        there.check()
        accepted[1].shutdown(socket.SHUT_RDWR)
        with pytest.raises(CrowdFailed, match="lost 1 of 3"):
            there.check()


def test_slow_requests_go_on_after_a_pause() -> None:
    crowd = Crowd(kind="slow", count=2, path="/slow")
    with listening() as (port, _), beside(port, hello_beside(crowd)) as there:
        there.pause()
        there.resume()
        there.pause()
        there.check()


def test_a_port_that_nobody_listens_on_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    crowd = Crowd(kind="idle", count=2)
    with (
        pytest.raises(CrowdFailed, match="took 0 of 2"),
        beside(port, hello_beside(crowd)),
    ):
        pass


def test_a_server_that_takes_connections_too_slowly_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.crowd.CROWD_SECONDS", -1.0)
    crowd = Crowd(kind="half-sent", count=2)
    with (
        listening() as (port, _),
        pytest.raises(CrowdFailed, match="took 0 of 2 connections in"),
        beside(port, hello_beside(crowd)),
    ):
        pass


def test_each_server_and_each_eight_thousand_connections_have_an_address() -> None:
    addresses = [
        {source_address(port, number) for number in range(10_000)} for port in (20001, 20002)
    ]
    assert [len(of_port) for of_port in addresses] == [2, 2]
    assert not addresses[0] & addresses[1]


def test_silent_connections_are_gone_in_a_pause_and_come_back() -> None:
    crowd = Crowd(kind="idle", count=3)
    with listening() as (port, accepted), beside(port, hello_beside(crowd)) as there:
        there.pause()
        there.resume()
        there.check()
        assert len(accepted) == 6
