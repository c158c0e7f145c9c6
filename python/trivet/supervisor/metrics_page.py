"""Answer whoever asks for the metrics page, in the supervisor's loop and without ever waiting.

A small answerer of HTTP/1.1 for scrapers: GET and HEAD of one path, one answer on a connection.
Everything is bounded: connections, bytes of a request, and the time that a connection may take.
"""

from __future__ import annotations

import selectors
import socket
import time
from functools import partial

from trivet.observe.metrics import OPENMETRICS_TYPE, TEXT_TYPE, wants_openmetrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable
    from typing import Protocol

    from trivet.supervisor.loop import HasFileno

    class Loop(Protocol):
        """What is needed of the supervisor."""

        def register(
            self, source: HasFileno, events: int, callback: Callable[[], None]
        ) -> None: ...
        def unregister(self, source: HasFileno) -> None: ...
        def at(self, moment: float, callback: Callable[[], None]) -> None: ...

    #: Makes the page, as OpenMetrics or not.
    Page = Callable[[bool], bytes]

PATH = "/metrics"
MOST_CONNECTIONS = 16
MOST_HEAD_BYTES = 8 * 1024
PATIENCE_SECONDS = 10.0


class MetricsPage:
    """Serves the page on listening sockets, as a guest of the supervisor's loop."""

    def __init__(self, loop: Loop, listeners: list[socket.socket], page: Page) -> None:
        self._loop = loop
        self._page = page
        self._visitors: set[Visitor] = set()
        for listener in listeners:
            listener.setblocking(False)
            loop.register(listener, selectors.EVENT_READ, partial(self._accept, listener))

    @property
    def sockets(self) -> list[socket.socket]:
        """The open connections, which a worker must not inherit."""
        return [visitor.socket for visitor in self._visitors]

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # gone already, or no descriptors: a scraper asks again
        if len(self._visitors) >= MOST_CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        visitor = Visitor(connection)
        self._visitors.add(visitor)
        self._loop.register(connection, selectors.EVENT_READ, partial(self._read, visitor))
        self._loop.at(time.monotonic() + PATIENCE_SECONDS, partial(self._close, visitor))

    def _read(self, visitor: Visitor) -> None:
        try:
            received = visitor.socket.recv(MOST_HEAD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._close(visitor)
            return
        if visitor.is_answered:
            return  # what follows the request is of no interest
        visitor.head += received
        if b"\r\n\r\n" in visitor.head or len(visitor.head) > MOST_HEAD_BYTES:
            visitor.is_answered = True
            visitor.unsent = memoryview(answer(visitor.head, self._page))
            self._write(visitor)

    def _write(self, visitor: Visitor) -> None:
        try:
            visitor.unsent = visitor.unsent[visitor.socket.send(visitor.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._close(visitor)
            return
        self._loop.unregister(visitor.socket)
        if visitor.unsent:
            write = partial(self._write, visitor)
            self._loop.register(visitor.socket, selectors.EVENT_WRITE, write)
            return
        # The scraper closes; closing first could take the answer from one that still sends.
        try:
            visitor.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._visitors.discard(visitor)
            visitor.socket.close()
            return
        read = partial(self._read, visitor)
        self._loop.register(visitor.socket, selectors.EVENT_READ, read)

    def _close(self, visitor: Visitor) -> None:
        if visitor in self._visitors:
            self._visitors.remove(visitor)
            self._loop.unregister(visitor.socket)
            visitor.socket.close()


class Visitor:
    """One connection, and how far it has come."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.head = b""
        self.unsent = memoryview(b"")
        self.is_answered = False


def answer(head: bytes, page: Page) -> bytes:
    """The answer to the head of a request."""
    first, _, rest = head.partition(b"\r\n\r\n")[0].decode("latin-1").partition("\r\n")
    words = first.split(" ")
    if len(head) > MOST_HEAD_BYTES:
        return _plain("431 Request Header Fields Too Large", "The request is too long.")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return _plain("400 Bad Request", "This is no request of HTTP/1.1.")
    method, target, _ = words
    if target.partition("?")[0] != PATH:
        return _plain("404 Not Found", f"The page is {PATH}.")
    if method not in ("GET", "HEAD"):
        return _plain("405 Method Not Allowed", "GET and HEAD are allowed.", "Allow: GET, HEAD\r\n")
    openmetrics = wants_openmetrics(_field(rest, "accept"))
    body = page(openmetrics)
    made = _head("200 OK", OPENMETRICS_TYPE if openmetrics else TEXT_TYPE, len(body))
    return made if method == "HEAD" else made + body


def _field(fields: str, name: str) -> str:
    values = []
    for line in fields.split("\r\n"):
        given, _, value = line.partition(":")
        if given.lower() == name:
            values.append(value.strip())
    return ",".join(values)


def _plain(status: str, sentence: str, fields: str = "") -> bytes:
    body = f"{sentence}\n".encode()
    return _head(status, "text/plain; charset=utf-8", len(body), fields) + body


def _head(status: str, content_type: str, length: int, fields: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        f"{fields}Connection: close\r\n\r\n"
    ).encode("latin-1")
