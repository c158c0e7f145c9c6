"""Connections beside the load: idle ones, half-sent requests, slow requests one after another."""

from __future__ import annotations

import resource
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from benchmarks.scenarios import Crowd, Scenario, request_bytes

# One source address has 28,232 ports on Linux (ip_local_port_range), and wrk needs some of them.
CONNECTIONS_PER_ADDRESS = 8_000
# What a crowd needs beside its connections: the servers' own files, wrk's, ours.
SPARE_FILES = 1_000
# More than a server's accept queue has room for would be retried by the kernel after a second.
AT_ONCE = 128
ANSWER_SECONDS = 10.0
# All connections of a crowd together; a server that half a request
# blocks takes one every few seconds, when the client's kernel tries again.
CROWD_SECONDS = 60.0
# struct linger {1, 0}: no TIME_WAIT (socket(7)).
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class CrowdFailed(Exception):
    """The crowd could not be made, or the server did not keep it; the message has the numbers."""


class Beside:
    """A crowd that is there; without one, nothing is there and nothing is done."""

    def pause(self) -> None:
        """The server will be stopped: leave nothing unfinished that runs by the clock."""

    def resume(self) -> None:
        """The server goes on: be as one expects before it is measured again."""

    def check(self) -> None:
        """Raises CrowdFailed unless the crowd is still whole."""


@contextmanager
def beside(port: int, scenario: Scenario) -> Iterator[Beside]:
    """The scenario's crowd, connected to the server; closed at the end. Raises CrowdFailed."""
    crowd = scenario.beside
    if crowd is None:
        yield Beside()
        return
    allow_open_files(crowd.count + SPARE_FILES)
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        stack.callback(_close_all, sockets)
        _connect(port, scenario, crowd, sockets)
        if crowd.kind == "slow":
            slow = SlowRequests(sockets, request_bytes(scenario, crowd.path))
            stack.callback(slow.stop)
            yield slow
        else:
            yield _Silent(port, scenario, crowd, sockets)


def allow_open_files(count: int) -> None:
    """Let this process, and what it starts from now on, open `count` files. Raises CrowdFailed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
    except (ValueError, OSError) as error:
        raise CrowdFailed(
            f"{count:,} open files are needed, {hard:,} are allowed\n"
            f"hint: ulimit -n {count}, as root"
        ) from error


def source_address(port: int, number: int) -> str:
    """Where connection `number` to a server's port comes from: 127.0.0.0/8 has enough for all.

    Each server has addresses of its own, and each address a share of the ports.
    """
    return f"127.{1 + number // CONNECTIONS_PER_ADDRESS}.{port >> 8}.{port & 255}"


def _connect(port: int, scenario: Scenario, crowd: Crowd, sockets: list[socket.socket]) -> None:
    request = request_bytes(scenario, crowd.path)
    first_bytes = request[: len(request) // 2] if crowd.kind == "half-sent" else request
    deadline = time.monotonic() + CROWD_SECONDS
    for start in range(0, crowd.count, AT_ONCE):
        group = []
        for number in range(start, min(start + AT_ONCE, crowd.count)):
            if time.monotonic() > deadline:
                taken = f"took {number:,} of {crowd.count:,} connections"
                raise CrowdFailed(f"{taken} in {CROWD_SECONDS:g} s")
            source = (source_address(port, number), 0)
            try:
                connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS, source)
                sockets.append(connection)
                group.append(connection)
                connection.sendall(first_bytes)
            except OSError as error:
                taken = f"took {number:,} of {crowd.count:,} connections"
                raise CrowdFailed(f"{taken}: {error}") from error
        if crowd.kind == "idle":
            _read_answers(group, scenario.expected_body, start, crowd.count)
    if crowd.kind == "half-sent":
        time.sleep(0.5)  # nothing tells that the last ones have been read


def _read_answers(
    group: Sequence[socket.socket], expected_body: bytes, before: int, wanted: int
) -> None:
    for number, connection in enumerate(group, start=before):
        received = b""
        try:
            while not received.endswith(expected_body):
                piece = connection.recv(65536)
                if not piece:
                    raise ConnectionResetError("closed by the server")
                received += piece
        except OSError as error:
            raise CrowdFailed(f"keeps {number:,} of {wanted:,} connections: {error}") from error


class _Silent(Beside):
    """Connections that send nothing more.

    Gone while the server is stopped: the crowds of all peers together are more than the files
    that one process may open, and would outlive the time that servers give them.
    """

    def __init__(
        self, port: int, scenario: Scenario, crowd: Crowd, sockets: list[socket.socket]
    ) -> None:
        self._port, self._scenario, self._crowd = port, scenario, crowd
        self._sockets = sockets

    def pause(self) -> None:
        """Check that all are there, and reset them: ports of closed ones would stay taken."""
        self.check()
        _close_all(self._sockets)

    def resume(self) -> None:
        """Connect again."""
        _connect(self._port, self._scenario, self._crowd, self._sockets)

    def check(self) -> None:
        """Raises CrowdFailed when the server closed some, or answered half a request."""
        lost = sum(_has_ended(connection) for connection in self._sockets)
        if lost:
            raise CrowdFailed(f"lost {lost:,} of {len(self._sockets):,} while it was measured")


class SlowRequests(Beside):
    """One thread that answers each answer with the next request, on every connection.

    After pause() all are answered and none is sent. resume() sends them spread over a second:
    sleeps that ended while the server was stopped would otherwise all end at once from then on.
    """

    def __init__(self, sockets: list[socket.socket], request: bytes):
        self._sockets = sockets
        self._request = request
        self._answers = 0
        self._paused = False
        self._unanswered = len(sockets)
        self._changed = threading.Condition()
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        for index, connection in enumerate(sockets):
            self._selector.register(connection, selectors.EVENT_READ, data=index)
        self._thread = threading.Thread(target=self._run, name="slow requests", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Wait until every request is answered; no new ones."""
        with self._changed:
            self._paused = True
            if not self._changed.wait_for(lambda: not self._unanswered, ANSWER_SECONDS):
                raise CrowdFailed(f"{self._unanswered} slow requests were not answered")

    def resume(self) -> None:
        """Send a request on each connection, one after the other; takes a second."""
        with self._changed:
            self._paused = False
        for index in range(len(self._sockets)):
            self._send(index)
            time.sleep(1 / len(self._sockets))

    def check(self) -> None:
        """Raises CrowdFailed unless answers came."""
        if not self._answers:
            raise CrowdFailed("no slow request was answered")

    def stop(self) -> None:
        """End the thread; the sockets stay open."""
        self._wake.close()
        self._thread.join()
        self._selector.close()
        self._woken.close()

    def _run(self) -> None:
        # Runs in its own thread; stop() wakes it by closing the other end of the pair.
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                with suppress(OSError):
                    self._read(key.data)

    def _read(self, index: int) -> None:
        received = self._sockets[index].recv(65536)
        if received and not received.startswith(b"HTTP/1."):
            return  # the rest of an answer that came in two
        with self._changed:
            paused = self._paused
            self._answers += bool(received)
            self._unanswered -= 1
            self._changed.notify()
        ends = b"connection: close" in received.lower() or received.startswith(b"HTTP/1.0")
        if ends or not received:
            self._connect_again(index)
        if not paused:
            self._send(index)

    def _connect_again(self, index: int) -> None:
        # A server without keep-alive wants a new connection for each request.
        old = self._sockets[index]
        self._selector.unregister(old)
        address, source = old.getpeername(), old.getsockname()[0]
        old.close()
        connection = socket.create_connection(address, ANSWER_SECONDS, (source, 0))
        self._sockets[index] = connection
        self._selector.register(connection, selectors.EVENT_READ, data=index)

    def _send(self, index: int) -> None:
        with self._changed:
            self._unanswered += 1
        self._sockets[index].sendall(self._request)


def _close_all(sockets: list[socket.socket]) -> None:
    for connection in sockets:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        connection.close()
    sockets.clear()


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        # Data would be an answer to half a request, b"" a close: both mean that it gave up.
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
