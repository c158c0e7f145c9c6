"""The socket that a request to another protocol carries as `werkzeug.socket`, without protocol."""

from __future__ import annotations

import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from _typeshed import ReadableBuffer


class UpgradeSocket(socket.socket):
    """The client's connection, for an application that answers the Upgrade itself.

    simple-websocket (under Flask-Sock and Flask-SocketIO) takes it from the environ and speaks
    WebSocket on it. The first use makes it blocking and tells the engine that the connection has
    been taken over; unused, it is closed and the application answers in the ordinary way.

    Made on the thread that serves the request; used by whichever thread the application likes.
    """

    def __init__(self, descriptor: int, early: bytes, begin: Callable[[], None]) -> None:
        """`descriptor` becomes this object's own; `early` is what came after the request's head;
        `begin()` tells the engine that the connection is taken over.
        """
        super().__init__(fileno=descriptor)
        self._early = early
        self._begin: Callable[[], None] | None = begin

    def _take_over(self) -> None:
        if self._begin is not None:
            self._begin()
            self._begin = None
            # The engine's sockets do not block, and this descriptor shares their mode.
            self.setblocking(True)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        self._take_over()
        if self._early and not flags:
            data, self._early = self._early[:size], self._early[size:]
            return data
        return super().recv(size, flags)

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        self._take_over()
        return super().send(data, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        self._take_over()
        super().sendall(data, flags)

    def makefile(self, *arguments: Any, **options: Any) -> Any:
        self._take_over()
        return super().makefile(*arguments, **options)
