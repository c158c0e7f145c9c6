"""One process of the storm: random requests over random connections, from a seed.

Valid requests are checked answer by answer; of all others only the end of the connection is asked.
"""

import errno
import random
import socket
import struct
from collections import Counter
from collections.abc import Callable

from tests.differential.generator import heads
from tests.serving.wire import chunked

#: Longer than any deadline that this client can run into: a wait that ends so is a hang.
PATIENCE_SECONDS = 60.0

RESET = struct.pack("ii", 1, 0)


class Client:
    """Sends requests to `address` until it has made `count`; what it saw is in `seen`."""

    def __init__(self, address: tuple[str, int], seed: int, count: int) -> None:
        self._address = address
        self._random = random.Random(seed)
        self._heads = heads(seed, count)
        self._count = count
        self._kept: socket.socket | None = None
        self.seen: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        actions: list[Callable[[], None]] = [
            self._valid,
            self._valid,
            self._damaged,
            self._damaged,
            self._damaged,
            self._damaged_behind_a_valid_one,
            self._noise,
            self._reset,
            self._broken_off,
        ]
        for _ in range(self._count):
            self._random.choice(actions)()
        if self._kept is not None:
            self._kept.close()
        return self.seen

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _valid(self) -> None:
        """A request whose answer is known, on a connection that is kept."""
        source = self._random
        body = source.randbytes(source.choice((0, 3, 900, 40_000)))
        if source.random() < 0.5:
            pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)]
            framing, framed = b"Transfer-Encoding: chunked", chunked(pieces)
        else:
            framing, framed = b"Content-Length: %d" % len(body), body
        request = b"POST /echo HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + framed
        if self._kept is None:
            self._kept = self._connect()
        self._send_in_pieces(self._kept, request)
        status, answer, behind = read_answer(self._kept)
        assert (status, answer) == (200, body or b"empty"), (status, answer[:100])
        assert not behind, behind
        self.seen["valid, answered"] += 1
        if source.random() < 0.2:
            self._kept.close()
            self._kept = None

    def _damaged(self) -> None:
        head = next(self._heads)
        with self._connect() as connection:
            self._send_in_pieces(connection, head)
            self.seen[f"damaged: {self._end_of(connection)}"] += 1

    def _damaged_behind_a_valid_one(self) -> None:
        """Both at once, often on a connection that has served: the first is answered as ever."""
        connection, self._kept = self._kept or self._connect(), None
        first = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
        with connection:
            self._send_in_pieces(connection, first + next(self._heads))
            status, body, behind = read_answer(connection)
            assert (status, body) == (200, b"first"), (status, body)
            self.seen[f"damaged behind a valid one: {self._end_of(connection, behind)}"] += 1

    def _noise(self) -> None:
        with self._connect() as connection:
            self._send_in_pieces(connection, self._random.randbytes(self._random.randint(1, 300)))
            self.seen[f"noise: {self._end_of(connection)}"] += 1

    def _reset(self) -> None:
        """A client that is gone at once, with its answer on the way."""
        with self._connect() as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.seen["reset"] += 1

    def _broken_off(self) -> None:
        request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        with self._connect() as connection:
            connection.sendall(request[: self._random.randint(1, len(request))])
        self.seen["broken off"] += 1

    def _send_in_pieces(self, connection: socket.socket, data: bytes) -> None:
        cuts = sorted(self._random.randrange(len(data)) for _ in range(self._random.randrange(3)))
        try:
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                connection.sendall(data[start:end])
        except ConnectionError:
            pass  # refused before the last piece; the answer can still be read

    def _end_of(self, connection: socket.socket, received: bytes = b"") -> str:
        """Say that nothing more comes, and read to the end: the first status, or how it ended."""
        try:
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            return "reset"
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the reset came before the shutdown
                raise
            return "reset"
        status = received[9:12].decode("latin-1")
        assert not received or status.isdigit(), received[:100]
        return status or "closed"


def read_answer(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """Status and body of one answer with a length or in chunks, and what came behind it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(connection, received)
    head, _, rest = received.partition(b"\r\n\r\n")
    status = int(head[9:12])
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        while len(rest) < length:
            rest += receive(connection, rest)
        return status, rest[:length], rest[length:]
    body = b""
    while True:
        while b"\r\n" not in rest:
            rest += receive(connection, rest)
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        while len(rest) < length + 2:
            rest += receive(connection, rest)
        body, end, rest = body + rest[:length], rest[length : length + 2], rest[length + 2 :]
        assert end == b"\r\n", end
        if not length:
            return status, body, rest


def receive(connection: socket.socket, before: bytes) -> bytes:
    """Some bytes more; an end in the middle of an answer is a failure, not a wait for ever."""
    piece = connection.recv(65536)
    assert piece, f"closed after {before[-200:]!r}"
    return piece
