"""The process in front of `trivet dev --https`: real TLS in front of a plain server."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.dev.local_authority import Certificate, certificate_for

TIMEOUT_SECONDS = 15.0


class Upstream:
    """A Unix socket that takes one connection after the other, on a thread of the test."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(TIMEOUT_SECONDS)

    def accept(self) -> socket.socket:
        connection, _ = self.listener.accept()
        connection.settimeout(TIMEOUT_SECONDS)
        return connection


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certificate_for(["localhost", "127.0.0.1"], tmp_path / "data", tmp_path)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    upstream = Upstream(tmp_path / "app.sock")
    yield upstream
    upstream.listener.close()


@pytest.fixture
def relay(
    tmp_path: Path, certificate: Certificate, upstream: Upstream
) -> Iterator[tuple[str, int]]:
    """The address of a running relay, which ends when its standard input does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "trivet.dev.tls_relay", str(listener.fileno())),
                *("--to", str(tmp_path / "app.sock")),
                *("--chain", str(certificate.chain), "--key", str(certificate.key)),
            ],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
        )
    try:
        yield address
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(TIMEOUT_SECONDS) == 0


def connect(address: tuple[str, int], certificate: Certificate) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificate.authority))
    plain = socket.create_connection(address, TIMEOUT_SECONDS)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def receive_until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        data = connection.recv(65536)
        assert data, f"the connection ended after {received[-100:]!r}"
        received += data
    return received


def test_the_server_is_told_who_the_client_is(
    relay: tuple[str, int], certificate: Certificate, upstream: Upstream
) -> None:
    with connect(relay, certificate) as client:
        host, port = client.getsockname()
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with upstream.accept() as server:
            received = receive_until(server, b"\r\n\r\n")
            assert received == (
                f"PROXY TCP4 {host} 127.0.0.1 {port} {relay[1]}\r\nGET / HTTP/1.1\r\n\r\n".encode()
            )
            server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 204")


def test_megabytes_go_both_ways_at_once(
    relay: tuple[str, int], certificate: Certificate, upstream: Upstream
) -> None:
    data = bytes(range(256)) * 16_384

    with connect(relay, certificate) as client:
        client.sendall(b"begin")
        with upstream.accept() as server:
            receive_until(server, b"begin")
            sending = threading.Thread(target=server.sendall, args=[data])
            sending.start()
            received = b""
            client_sending = threading.Thread(target=client.sendall, args=[data])
            arrived: list[bytes] = []

            def read_on_server() -> None:
                total = 0
                while total < len(data):
                    arrived.append(server.recv(65536))
                    total += len(arrived[-1])

            reading = threading.Thread(target=read_on_server)
            reading.start()
            while len(received) < len(data):
                received += client.recv(65536)
            sending.join()
            client_sending.start()
            client_sending.join()
            reading.join()
    assert received == data
    assert b"".join(arrived) == data


def test_the_end_of_the_server_is_the_end_for_the_client(
    relay: tuple[str, int], certificate: Certificate, upstream: Upstream
) -> None:
    with connect(relay, certificate) as client:
        client.sendall(b"x")
        with upstream.accept() as server:
            receive_until(server, b"x")
            server.sendall(b"bye")
        assert receive_until(client, b"bye") == b"bye"
        assert client.recv(1) == b""


def test_the_end_of_the_client_reaches_the_server(
    relay: tuple[str, int], certificate: Certificate, upstream: Upstream
) -> None:
    with connect(relay, certificate) as client:
        client.sendall(b"x")
        server = upstream.accept()
        receive_until(server, b"x")
    with server:
        assert server.recv(1) == b""


def test_a_visitor_without_tls_is_sent_to_https(relay: tuple[str, int]) -> None:
    with socket.create_connection(relay, TIMEOUT_SECONDS) as client:
        client.sendall(b"GET /cart?a=1 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n")
        answer = receive_until(client, b"https.\n")
    assert answer.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nLocation: https://localhost:8000/cart?a=1\r\n" in answer


def test_nonsense_and_silence_do_not_keep_others_out(
    relay: tuple[str, int], certificate: Certificate, upstream: Upstream
) -> None:
    with socket.create_connection(relay, TIMEOUT_SECONDS) as silent:
        with socket.create_connection(relay, TIMEOUT_SECONDS) as broken:
            broken.sendall(b"\x16\x03\x01nonsense" * 20)
            broken.recv(1024)
        with connect(relay, certificate) as client:
            client.sendall(b"x")
            upstream.accept().close()
        assert silent.fileno() >= 0
