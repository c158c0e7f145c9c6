"""Report to statsd servers once a second, in the supervisor's loop and without ever waiting.

What the lines say is in observe/statsd.py. Datagrams that a server does not take are lost, as is
usual with statsd, and that a server cannot be reached is told once. A name is looked up once, at
the start: while a name server does not answer, the loop would stand still.
"""

from __future__ import annotations

import socket
import time

from trivet.observe.statsd import (
    DATAGRAM_BYTES,
    UNIX_DATAGRAM_BYTES,
    Moment,
    datagrams,
    lines,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable

    from trivet.observe.log import Log
    from trivet.settings.addresses import Address
    from trivet.settings.table import Settings
    from trivet.supervisor.loop import Supervisor

REPORT_SECONDS = 1.0


class Receiver:
    """One statsd server. Nothing here raises."""

    def __init__(self, address: Address, log: Log) -> None:
        self._address = address
        self._log = log
        self._told = False
        self._socket: socket.socket | None = None
        #: Family and address to send to; None when there is no such name.
        self._place: tuple[int, object] | None = None
        try:
            self._place = _look_up(address)
        except OSError as error:
            self._tell(error)

    @property
    def most_bytes(self) -> int:
        """What a datagram may have."""
        return UNIX_DATAGRAM_BYTES if self._address.path else DATAGRAM_BYTES

    def send(self, told: list[bytes]) -> None:
        """Hand the datagrams to the kernel, or lose them."""
        if self._place is None:
            return
        try:
            opened = self._open(*self._place)
            for datagram in told:
                opened.send(datagram)
        except BlockingIOError:
            pass  # the buffer is full: the receiver is slow, or gone
        except OSError as error:
            # A Unix socket may be made anew by its next owner.
            self.close()
            self._tell(error)

    def close(self) -> None:
        """Close the socket; the next report opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self, family: int, place: object) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            # A datagram socket only notes the address, and is told when nobody is there (udp(7)).
            self._socket.connect(place)  # type: ignore[arg-type]  # as getaddrinfo gave it
        return self._socket

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            why = error.strerror or str(error)
            self._log.emit("statsd-unreachable", address=str(self._address), error=why)


def _look_up(address: Address) -> tuple[int, object]:
    """Where to send. Raises OSError."""
    if address.path:
        return socket.AF_UNIX, address.path
    host = address.host or "localhost"
    found = socket.getaddrinfo(host, address.port, type=socket.SOCK_DGRAM)
    family, *_, place = found[0]
    return family, place


class StatsdReports:
    """Reports as a guest of the supervisor's loop, from now on until `finish`."""

    def __init__(self, supervisor: Supervisor, settings: Settings, log: Log) -> None:
        self._supervisor = supervisor
        self._log = log
        self._prefix = settings.statsd_prefix.strip(".")
        self._tags = settings.statsd_tags
        self._receivers = [Receiver(address, log) for address in settings.statsd]
        self._last = self._now()
        supervisor.close_in_workers(self._close)
        supervisor.at(time.monotonic() + REPORT_SECONDS, self._report_and_again)

    def finish(self) -> None:
        """Send what has happened since the last report; every worker has ended."""
        self._report()
        self._close()

    def _report_and_again(self) -> None:
        self._report()
        self._supervisor.at(time.monotonic() + REPORT_SECONDS, self._report_and_again)

    def _report(self) -> None:
        now = self._now()
        told = lines(self._last, now)
        self._last = now
        for receiver in self._receivers:
            receiver.send(datagrams(told, self._prefix, self._tags, receiver.most_bytes))

    def _now(self) -> Moment:
        children = [child for slot in self._supervisor.slots for child in slot.children]
        return Moment(
            self._supervisor.counters.total(),
            workers=len(children),
            ready=sum(child.ready and not child.told_to_stop for child in children),
            restarts=self._supervisor.restarts,
            logged=self._log.counted,
        )

    def _close(self) -> None:
        for receiver in self._receivers:
            receiver.close()


def begin_reports(supervisor: Supervisor, settings: Settings, log: Log) -> Callable[[], None]:
    """Report where the settings say; what to call at the end."""
    reports = StatsdReports(supervisor, settings, log)
    for address in settings.statsd:
        log.emit("statsd-reported", address=str(address))
    return reports.finish
