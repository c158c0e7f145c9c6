"""Pass client connections from process to process: descriptor, facts, bytes; no engine here.

A stream of records: a line of JSON that says how many bytes follow, the bytes, and the descriptor
beside the line (SCM_RIGHTS, unix(7)). Descriptors arrive in the order of their lines, and never
later. Neither side waits for the other: what cannot be sent at once is kept.
"""

from __future__ import annotations

import json
import os
import socket
from collections import deque

#: Descriptors taken with one call; a line brings one.
DESCRIPTORS_PER_READ = 64
READ_BYTES = 65536


class Connection:
    """A client between two requests. Whoever has the object has the descriptor."""

    __slots__ = ("about", "descriptor", "received")

    def __init__(self, descriptor: int, about: str, received: bytes) -> None:
        self.descriptor = descriptor
        #: What the engine knows of it, in its own words.
        self.about = about
        self.received = received

    def close(self) -> None:
        os.close(self.descriptor)


class Channel:
    """One end of the socket pair for connections. Used by one thread."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.socket = end
        self.hung_up = False
        self._waiting: deque[Connection] = deque()
        #: What is left of the record that is being sent; its descriptor has gone.
        self._rest = b""
        self._descriptors: deque[int] = deque()
        self._bytes = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def wants_to_send(self) -> bool:
        return bool(self._rest or self._waiting)

    def send(self, connection: Connection) -> None:
        """Give a connection away, now or at the next `flush()`."""
        self._waiting.append(connection)
        self.flush()

    def flush(self) -> None:
        """Send what goes; call it when the socket takes more and `wants_to_send`."""
        try:
            while self.wants_to_send:
                if self._rest:
                    self._rest = self._rest[self.socket.send(self._rest) :]
                else:
                    self._begin(self._waiting[0])
        except BlockingIOError:
            pass
        except OSError:
            # Nobody is there to take them; the owner of the channel asks for them back.
            self.hung_up = True

    def _begin(self, connection: Connection) -> None:
        line = json.dumps({"about": connection.about, "bytes": len(connection.received)})
        record = line.encode("ascii") + b"\n" + connection.received
        sent = socket.send_fds(self.socket, [record], [connection.descriptor])
        self._waiting.popleft().close()
        self._rest = record[sent:]

    def take_unsent(self) -> list[Connection]:
        """The connections that have not been given away yet."""
        unsent = list(self._waiting)
        self._waiting.clear()
        return unsent

    def receive(self) -> list[Connection]:
        """The connections that have come whole; sets `hung_up` when no more can come."""
        while not self.hung_up:
            try:
                # MSG_CMSG_CLOEXEC is not in every socket module; what the app executes must not
                # hold a client's connection, so it is set below.
                data, descriptors, _, _ = socket.recv_fds(
                    self.socket, READ_BYTES, DESCRIPTORS_PER_READ
                )
            except BlockingIOError:
                break
            except OSError:
                data, descriptors = b"", []
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            self._descriptors.extend(descriptors)
            self._bytes += data
            self.hung_up = not data
        return self._whole_records()

    def _whole_records(self) -> list[Connection]:
        whole: list[Connection] = []
        while True:
            line, end, rest = self._bytes.partition(b"\n")
            if not end:
                return whole
            record = json.loads(line)
            length = record["bytes"]
            if len(rest) < length:
                return whole
            received, self._bytes = rest[:length], rest[length:]
            whole.append(Connection(self._descriptors.popleft(), record["about"], received))

    def close(self) -> None:
        """Close the channel and whatever is still in it."""
        for connection in self.take_unsent():
            connection.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())
        self.socket.close()
