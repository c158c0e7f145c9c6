"""A keep-alive HTTP client in plain sockets: checks answers, sends exact numbers of requests.

It frames responses by Content-Length only, which every scenario's app sets.
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
        self._sockets = [
            socket.create_connection(("127.0.0.1", port), timeout) for _ in range(connections)
        ]
        for connection in self._sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

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
            for connection in self._sockets:
                self._check_answer(connection)
        return turns * len(self._sockets)

    def _check_answer(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += _some(connection, received)
        head, _, body = received.partition(b"\r\n\r\n")
        while len(body) < len(self._expected):
            body += _some(connection, received + body)
        if not head.split(b" ", 2)[1].startswith(b"200") or body != self._expected:
            raise WrongAnswer(f"expected 200 and {self._expected[:60]!r}, got {received[:300]!r}")


def check_answer(port: int, scenario: Scenario, *, twice: bool) -> None:
    """Send the request, or two over one connection; raises WrongAnswer unless answered right."""
    try:
        with Client(port, scenario, connections=1, timeout=10.0) as client:
            client.requests(2 if twice else 1)
    except OSError as error:
        raise WrongAnswer(f"no answer: {error}") from error


def _some(connection: socket.socket, until_now: bytes) -> bytes:
    received = connection.recv(256 * 1024)
    if not received:
        raise WrongAnswer(f"closed after {until_now[:300]!r}")
    return received
