"""A keep-alive HTTP client in plain sockets: checks answers, sends exact numbers of requests.

Answers end by Content-Length, by chunks, or with the connection (RFC 9112, section 6.3).
"""

from __future__ import annotations

import socket
from types import TracebackType

from benchmarks.scenarios import Scenario, request_bytes


class WrongAnswer(Exception):
    """A server's answer is not the scenario's; the message shows what came."""


class Client:
    """Connections to one server, used in lockstep: a request on each, then an answer from each."""

    def __init__(self, port: int, scenario: Scenario, connections: int, timeout: float = 60.0):
        self._request = request_bytes(scenario)
        self._expected = scenario.expected_body
        self._address = ("127.0.0.1", port)
        self._timeout = timeout
        self._sockets = [self._connected() for _ in range(connections)]

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in self._sockets:
            connection.close()

    def requests(self, count: int) -> int:
        """Send at least `count` requests, as many on each connection; how many were answered.

        Raises WrongAnswer, and OSError when the server closes or is silent for `timeout` seconds.
        """
        turns = -(-count // len(self._sockets))
        for _ in range(turns):
            for connection in self._sockets:
                connection.sendall(self._request)
            for index, connection in enumerate(self._sockets):
                if not self._keeps_after_answer(connection):
                    connection.close()
                    self._sockets[index] = self._connected()
        return turns * len(self._sockets)

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._address, self._timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _keeps_after_answer(self, connection: socket.socket) -> bool:
        received = b""
        while b"\r\n\r\n" not in received:
            received += _some(connection, received)
        head, _, body = received.partition(b"\r\n\r\n")
        body = _read_body(connection, head.lower(), body, len(self._expected))
        if not head.split(b" ", 2)[1].startswith(b"200") or body != self._expected:
            raise WrongAnswer(f"expected 200 and {self._expected[:60]!r}, got {received[:300]!r}")
        # RFC 9112 section 9.3: 1.1 stays open unless told, 1.0 closes unless told.
        if head.startswith(b"HTTP/1.0"):
            return b"\r\nconnection: keep-alive" in head.lower()
        return b"\r\nconnection: close" not in head.lower()


def check_answer(port: int, scenario: Scenario, *, twice: bool) -> None:
    """Send the request, or two over one connection; raises WrongAnswer unless answered right."""
    try:
        with Client(port, scenario, connections=1, timeout=10.0) as client:
            client.requests(2 if twice else 1)
    except OSError as error:
        raise WrongAnswer(f"no answer: {error}") from error


def unchunked(data: bytes) -> bytes | None:
    """The content of a complete chunked body without extensions or trailers; None if incomplete."""
    content = b""
    while True:
        size, line_end, rest = data.partition(b"\r\n")
        if not line_end:
            return None
        length = int(size, 16)
        if len(rest) < length + 2:
            return None
        if length == 0:
            return content
        content, data = content + rest[:length], rest[length + 2 :]


def _read_body(connection: socket.socket, head: bytes, begun: bytes, length: int) -> bytes:
    if b"\r\ntransfer-encoding: chunked" in head:
        while (content := unchunked(begun)) is None:
            begun += _some(connection, begun)
        return content
    while len(begun) < length:
        begun += _some(connection, begun)
    return begun


def _some(connection: socket.socket, until_now: bytes) -> bytes:
    received = connection.recv(256 * 1024)
    if not received:
        raise WrongAnswer(f"closed after {until_now[:300]!r}")
    return received
