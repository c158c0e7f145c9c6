"""The server in whose place this one was started by an upgrade: its sockets, and the talk with it.

upgrade.py is the other side, and may be of an older or a newer Trivet. Until the predecessor has
said that the sockets are ours they are its own: should this server fail, nothing may be undone
that the other one needs. All of it runs in the supervisor's only thread.
"""

from __future__ import annotations

import json
import os
import selectors
import socket

from trivet.errors import HostError, TrivetError
from trivet.supervisor.upgrade import VARIABLE
from trivet.worker.messages import FAILED, READY, TAKE_OVER, LineBuffer, Message, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Collection, Mapping, MutableMapping
    from typing import Any

    from trivet.settings.addresses import Address
    from trivet.supervisor.activation import PassedSockets
    from trivet.supervisor.listeners import Listeners
    from trivet.supervisor.loop import Supervisor


def find_predecessor(environ: MutableMapping[str, str]) -> Predecessor:
    """The server that started this one. Takes the variable out of the environment.

    Raises HostError when that server has ended meanwhile.
    """
    told = json.loads(environ.pop(VARIABLE))
    if told["pid"] != os.getppid():
        raise HostError("the server that was to be replaced has ended")
    return Predecessor(told)


class Predecessor:
    """The server that this one is to replace. `told` is what it says of itself."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.pid: int = told["pid"]
        #: How many workers it has.
        self.workers: int = told["workers"]
        self._link = socket.socket(fileno=told["link"])
        self._link.set_inheritable(False)
        self._told = told
        self._lines = LineBuffer()
        self._unused: dict[str, list[tuple[socket.socket, bool]]] = {}
        for described in told["sockets"]:
            listener = socket.socket(fileno=described["descriptor"])
            # What the app executes must not keep the port busy after this server has gone.
            listener.set_inheritable(False)
            place = self._unused.setdefault(described["address"], [])
            place.append((listener, described["made_here"]))
        self._kept: list[tuple[Listeners, list[socket.socket]]] = []
        self._used: set[int] = set()

    def passed_sockets(self) -> PassedSockets:
        """Those that a service manager had given to the first of the servers."""
        from trivet.supervisor.activation import PassedSockets

        return PassedSockets(tuple(self._told["passed"]), self._told["names"])

    def listeners_for(self, addresses: Collection[Address]) -> Listeners:
        """The sockets that are open already for some addresses. Those of others are not used."""
        from trivet.supervisor.listeners import Listeners
        from trivet.supervisor.sockets import url_of

        listeners, to_own = Listeners(), []
        for address in addresses:
            for listener, made_here in self._unused.pop(str(address), []):
                label = "" if address.file_descriptor is None else f" ({address})"
                listeners.add(listener, url_of(listener) + label, made_here=False, address=address)
                self._used.add(listener.fileno())
                if made_here:
                    to_own.append(listener)
        self._kept.append((listeners, to_own))
        return listeners

    def begin(self, supervisor: Supervisor, taken_over: Callable[[], None]) -> None:
        """Listen to the predecessor in the loop; call `taken_over` when the sockets are ours."""
        for sockets in self._unused.values():
            for listener, _ in sockets:
                listener.close()
        self._supervisor = supervisor
        self._taken_over = taken_over
        self._link.setblocking(False)
        supervisor.register(self._link, selectors.EVENT_READ, self._hear)
        supervisor.close_in_workers(self._link.close)
        # The manager listens to its main process, and that is the other one so far.
        supervisor.service_manager.is_silent = True

    def tell_ready(self) -> None:
        """Every worker serves: the predecessor may go."""
        self._send(Message(READY, {"kept": sorted(self._used)}))

    def tell_failure(self, error: TrivetError) -> bool:
        """This server ends because of an error; the predecessor goes on and tells why.

        False when it has ended.
        """
        fields = {
            "name": error.name,
            "what": error.what,
            "hint": error.hint,
            "details": error.details,
        }
        return self._send(Message(FAILED, fields))

    def _send(self, message: Message) -> bool:
        try:
            self._link.sendall(encode(message))
        except OSError:
            return False  # it has ended, which the loop hears by itself
        return True

    def _hear(self) -> None:
        try:
            received = self._link.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            received = b""  # a reset is an end like any other
        kinds = [decode(line).kind for line in self._lines.feed(received)]
        if received and TAKE_OVER not in kinds:
            return
        self._supervisor.unregister(self._link)
        if TAKE_OVER not in kinds:
            self._link.close()
            self._supervisor.stop("the server that was to be replaced has ended")
            return
        for listeners, to_own in self._kept:
            listeners.own(to_own)
        self._supervisor.service_manager.is_silent = False
        self._taken_over()
        self._supervisor.log.emit("taken-over", pid=self.pid)
        # The predecessor goes now: its files are replaced, and it removes none of ours.
        self._link.close()
        workers = len(self._supervisor.crew.kept)
        self._supervisor.service_manager.is_ready(f"{workers} workers serve")
