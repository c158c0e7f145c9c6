"""Answer on the control socket: who may ask, and what each command does; the supervisor does it.

A guest of the supervisor's loop: everything runs in its thread, and nothing here may wait. So
connections do not block, and an answer that takes time comes when the loop has news.
"""

from __future__ import annotations

import os
import selectors
import time
from functools import partial

from trivet.control.protocol import (
    LONGEST_REQUEST_BYTES,
    BadRequest,
    done,
    encode,
    failed,
    read_request,
    refused,
)
from trivet.control.status import server_status, slow_routes, worker_status
from trivet.errors import TrivetBug
from trivet.host import peer_uid

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from trivet.errors import TrivetError
    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.slot import Slot

    Send = Callable[[Mapping[str, object]], None]

#: More clients than that are told to come again.
MOST_CONNECTIONS = 16

#: A connection on which nothing is asked for this long is closed.
IDLE_SECONDS = 60.0

#: What a client may leave unread: the stacks of many threads are long.
MOST_UNSENT_BYTES = 32 * 1024 * 1024


class ControlServer:
    """Answers the connections that come in on a listener."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._connections: set[_Connection] = set()

    def accept(self, listener: socket.socket) -> None:
        """Take one connection, if its peer may ask; called when the listener is readable."""
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # it has gone already, or there are no descriptors; the next one may fare better
        if peer_uid(connection) not in (os.geteuid(), 0):
            self._turn_away(connection, "only the server's own user and root may ask")
        elif len(self._connections) >= MOST_CONNECTIONS:
            self._turn_away(connection, "too many connections to the control socket")
        else:
            self._connections.add(_Connection(self, connection))

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    def close(self) -> None:
        """Close this process's copies of all connections; in a worker, just after the fork."""
        for connection in self._connections:
            connection.socket.close()

    def _turn_away(self, connection: socket.socket, reason: str) -> None:
        with connection:
            connection.setblocking(False)
            try:
                connection.send(encode(refused(reason)))
            except OSError:
                pass


class _Connection:
    """One client: lines in, lines out, one request at a time."""

    def __init__(self, server: ControlServer, connection: socket.socket) -> None:
        self.socket = connection
        self._server = server
        self._loop = server.supervisor
        self._received = b""
        self._unsent = b""
        #: A request is being answered; the next one waits.
        self._busy = False
        self._last_news = time.monotonic()
        self._events = 0
        connection.setblocking(False)
        self._listen_for(selectors.EVENT_READ)
        self._watch_idleness()

    # Bytes

    def _listen_for(self, events: int) -> None:
        if events == self._events:
            return
        if self._events:
            self._loop.unregister(self.socket)
        self._events = events
        self._loop.register(self.socket, events, self._move)

    def _move(self) -> None:
        """Read and write what can be read and written now."""
        if self.socket.fileno() < 0:
            return
        try:
            if self._unsent:
                self._flush()
            received = self.socket.recv(LONGEST_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self.close()
            return
        self._last_news = time.monotonic()
        self._received += received
        if len(self._received) > LONGEST_REQUEST_BYTES:
            self._send(refused("the request is too long"))
            self.close()
            return
        self._next_request()

    def _next_request(self) -> None:
        if self._busy or b"\n" not in self._received:
            return
        line, _, self._received = self._received.partition(b"\n")
        self._busy = True
        try:
            request = read_request(line)
        except BadRequest as complaint:
            self._finish(refused(str(complaint)))
            return
        try:
            ANSWERS[str(request["command"])](self._loop, request, self._send, self._finish)
        except Exception as error:  # noqa: BLE001 - a defect here must not end the server
            import traceback

            what = f"{request['command']} failed: {type(error).__name__}: {error}"
            self._finish(failed(TrivetBug(what, details=traceback.format_exc())))

    def _finish(self, last: Mapping[str, object]) -> None:
        self._send(last)
        self._busy = False
        self._next_request()

    def _send(self, data: Mapping[str, object]) -> None:
        if self.socket.fileno() < 0:
            return  # the client has left; what it asked for is done all the same
        self._last_news = time.monotonic()
        self._unsent += encode(data)
        if len(self._unsent) > MOST_UNSENT_BYTES:
            self.close()
            return
        try:
            self._flush()
        except OSError:
            self.close()

    def _flush(self) -> None:
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        self._unsent = self._unsent[sent:]
        writing = selectors.EVENT_WRITE if self._unsent else 0
        self._listen_for(selectors.EVENT_READ | writing)

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            self._loop.unregister(self.socket)
            self.socket.close()
            self._server.forget(self)

    def _watch_idleness(self) -> None:
        """Close the connection when nothing has been said for long; look again otherwise."""
        if self.socket.fileno() < 0:
            return
        idle = time.monotonic() - self._last_news
        if not self._busy and idle >= IDLE_SECONDS:
            self.close()
        else:
            again = IDLE_SECONDS if self._busy else IDLE_SECONDS - idle
            self._loop.at(time.monotonic() + again, self._watch_idleness)


def _of_all_workers(
    supervisor: Supervisor,
    about: str,
    finish: Callable[[list[tuple[Slot, Child, object]]], None],
) -> None:
    """Ask every worker, and go on when each has answered or had its time."""
    asked = [(slot, child) for slot in supervisor.slots for child in slot.children]
    answers: dict[int, object] = {}

    def answered(place: int, answer: object) -> None:
        answers[place] = answer
        if len(answers) == len(asked):
            finish([(*asked[place], answers[place]) for place in range(len(asked))])

    if not asked:
        finish([])
    for place, (_, child) in enumerate(asked):
        supervisor.ask(child, about, partial(answered, place))


def _ps(supervisor: Supervisor, request: object, send: Send, finish: Send) -> None:
    def told(rows: list[tuple[Slot, Child, object]]) -> None:
        workers = [worker_status(*row) for row in rows]
        routes = slow_routes(supervisor)
        finish(done(server=server_status(supervisor), workers=workers, routes=routes))

    _of_all_workers(supervisor, "counters", told)


def _stacks(supervisor: Supervisor, request: object, send: Send, finish: Send) -> None:
    def told(rows: list[tuple[Slot, Child, object]]) -> None:
        finish(
            done(
                workers=[
                    {"worker": child.number, "pid": child.pid, "threads": threads}
                    for _, child, threads in rows
                ]
            )
        )

    _of_all_workers(supervisor, "stacks", told)


def _reload(supervisor: Supervisor, request: object, send: Send, finish: Send) -> None:
    def over(error: TrivetError | None) -> None:
        workers = sum(not slot.removed for slot in supervisor.slots)
        finish(done(workers=workers) if error is None else failed(error))

    supervisor.reload("trivet reload", over)


def _upgrade(supervisor: Supervisor, request: object, send: Send, finish: Send) -> None:
    def over(error: TrivetError | None) -> None:
        if error is not None:
            finish(failed(error))
        elif supervisor.upgrade.successor is not None:
            finish(done(pid=supervisor.upgrade.successor.pid))

    supervisor.upgrade.begin("trivet upgrade", over)


def _scale(supervisor: Supervisor, request: Mapping[str, object], send: Send, finish: Send) -> None:
    wanted = request["workers"]
    assert isinstance(wanted, int), "read_request has looked at that"
    before = sum(not slot.removed for slot in supervisor.slots)
    if supervisor.is_ending:
        finish(refused("the server is about to stop"))
        return
    if not 1 <= wanted <= MOST_WORKERS:
        finish(refused(f"workers is {wanted}, expected a number from 1 to {MOST_WORKERS}"))
        return
    nearest = supervisor.nearest_allowed(wanted)
    if nearest != wanted:
        bound = "min_workers" if nearest > wanted else "max_workers"
        finish(refused(f"workers is {wanted}, and {bound} is {nearest}"))
        return
    supervisor.scale(wanted, "trivet scale")
    finish(done(before=before, workers=wanted))


def _stop(supervisor: Supervisor, request: object, send: Send, finish: Send) -> None:
    # First the answer: the stop may be over within this call.
    finish(done())
    supervisor.stop("trivet stop")


#: As for the setting `workers`.
MOST_WORKERS = 1024

ANSWERS: Mapping[str, Callable[[Supervisor, Mapping[str, object], Send, Send], None]] = {
    "ps": _ps,
    "stacks": _stacks,
    "reload": _reload,
    "upgrade": _upgrade,
    "scale": _scale,
    "stop": _stop,
}
