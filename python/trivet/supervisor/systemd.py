"""Tell systemd how the server stands, where it asks for that; sd_notify(3) without a library.

Does nothing, and costs a look at one variable, where NOTIFY_SOCKET is not set.
"""

from __future__ import annotations

import os
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import MutableMapping

NOTIFY_SOCKET = "NOTIFY_SOCKET"
WATCHDOG_USEC = "WATCHDOG_USEC"
WATCHDOG_PID = "WATCHDOG_PID"

READY = "READY=1"
STOPPING = "STOPPING=1"


class ServiceManager:
    """Sends states to the service manager that started this process, if there is one.

    The variable is taken out of the environment: workers and what the app executes are not the
    service. A manager that does not listen is no reason to fail.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop(NOTIFY_SOCKET, "")
        # An abstract socket is written with @ in the place of its zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        #: Nothing is to be said: another process is the service.
        self.is_silent = False
        microseconds = environ.pop(WATCHDOG_USEC, "")
        watched = environ.pop(WATCHDOG_PID, "") or str(os.getpid())
        self._watchdog_microseconds = microseconds
        #: How often to say `is_alive`, in seconds; None is never. Half the time after which the
        #: manager would end the service, as sd_watchdog_enabled(3) recommends.
        self.watchdog_seconds: float | None = None
        if self._address and watched == str(os.getpid()) and microseconds.isdigit():
            self.watchdog_seconds = int(microseconds) / 1_000_000 / 2 or None

    @property
    def listens(self) -> bool:
        """Whether there is a manager that wants to be told."""
        return bool(self._address)

    def environment(self) -> dict[str, str]:
        """The variables for a new server that takes the place of this one."""
        if not self._address:
            return {}
        given = {NOTIFY_SOCKET: self._address.replace("\0", "@", 1)}
        return given | (
            {WATCHDOG_USEC: self._watchdog_microseconds} if self.watchdog_seconds else {}
        )

    def hand_over_to(self, pid: int) -> None:
        """Say that another process is the service from now on, and nothing more.

        This one has to say it: by default the manager believes its main process alone
        (NotifyAccess= in systemd.service(5)).
        """
        self._send(f"MAINPID={pid}", "STATUS=a new server has taken over")
        self.is_silent = True

    def is_ready(self, status: str) -> None:
        self._send(READY, f"STATUS={status}", f"MAINPID={os.getpid()}")

    def is_reloading(self, status: str) -> None:
        """Type=notify-reload wants the time too (systemd.service(5)); `is_ready` ends it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}", f"STATUS={status}")

    def is_stopping(self, status: str) -> None:
        self._send(STOPPING, f"STATUS={status}")

    def is_alive(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address or self.is_silent:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass  # the manager has gone, or its queue is full
