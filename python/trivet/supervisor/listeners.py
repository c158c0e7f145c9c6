"""The listening sockets of one server: which there are, and how they are closed; sockets.py binds.

Only the process that bound a Unix socket removes its file; workers inherit the sockets and close
nothing but their own descriptors.
"""

from __future__ import annotations

import os
import socket

from trivet.supervisor.last_connections import drop_new_connections, handshakes_under_way

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Collection

    from trivet.settings.addresses import Address


class Listener:
    """One listening socket. `address` is what the settings call the place, None in tests."""

    __slots__ = ("address", "made_here", "socket", "url")

    def __init__(
        self, listener: socket.socket, url: str, made_here: bool, address: Address | None
    ) -> None:
        self.socket = listener
        self.url = url
        self.made_here = made_here
        self.address = address


class Listeners:
    """The listening sockets of one server, with what must be undone at the end."""

    def __init__(self) -> None:
        self._entries: list[Listener] = []
        self._files: dict[str, tuple[int, int]] = {}
        self._made_by = os.getpid()
        self.closed = False

    @property
    def sockets(self) -> list[socket.socket]:
        return [entry.socket for entry in self._entries]

    @property
    def urls(self) -> list[str]:
        """How a person would visit each."""
        return [entry.url for entry in self._entries]

    def at(self, address: Address) -> list[socket.socket]:
        """The sockets that are open for an address of the settings."""
        return [entry.socket for entry in self._entries if entry.address == address]

    def add(
        self,
        listener: socket.socket,
        url: str,
        *,
        made_here: bool = True,
        address: Address | None = None,
    ) -> None:
        """Take over a listening socket, and how a person would visit it."""
        self._entries.append(Listener(listener, url, made_here, address))

    def add_file(self, path: str) -> None:
        """Remember the file of a Unix socket that this process has made."""
        self._files[path] = _identity(path)

    def describe(self) -> list[dict[str, object]]:
        """What a new server must know of each socket to use it as this one does."""
        return [
            {
                "descriptor": entry.socket.fileno(),
                "address": str(entry.address),
                "made_here": entry.made_here,
            }
            for entry in self._entries
        ]

    def give_away(self, descriptors: Collection[int]) -> None:
        """Some sockets are a new server's from now on: here they will only be closed."""
        for entry in self._entries:
            if entry.socket.fileno() in descriptors:
                entry.made_here = False
                if entry.socket.family == socket.AF_UNIX:
                    self._files.pop(os.fsdecode(entry.socket.getsockname()), None)

    def own(self, sockets: Collection[socket.socket]) -> None:
        """Some sockets were another server's, and are this one's to undo from now on."""
        for entry in self._entries:
            if entry.socket in sockets:
                entry.made_here = True
                if entry.socket.family == socket.AF_UNIX:
                    path = os.fsdecode(entry.socket.getsockname())
                    if os.path.lexists(path):
                        self.add_file(path)

    def take_over(self, others: Listeners) -> None:
        """Add all of another object, which is not to be used any more."""
        self._entries += others._entries
        self._files |= others._files

    def take_no_more(self, sockets: Collection[socket.socket] | None = None) -> None:
        """Let no new connection come, so that those that wait can be accepted before close().

        For some sockets or all. A Unix socket without its file cannot be found any more. A socket
        that was passed in is left as it is: whoever passed it keeps it open, and connections go on
        waiting there.
        """
        if os.getpid() != self._made_by:
            return
        for entry in self._entries:
            if entry.made_here and (sockets is None or entry.socket in sockets):
                self._remove_file(entry)
                drop_new_connections(entry.socket)

    def are_about_to_be_connected(self) -> bool:
        """After take_no_more(): whether connections that had begun before are not complete yet."""
        ports = {
            entry.socket.getsockname()[1]
            for entry in self._entries
            if entry.made_here
            and entry.socket.family != socket.AF_UNIX
            and entry.socket.fileno() >= 0
        }
        return any(handshakes_under_way(port) for port in ports)

    def drop(self, sockets: Collection[socket.socket]) -> list[str]:
        """Close some of the sockets; their URLs."""
        dropped = [entry for entry in self._entries if entry.socket in sockets]
        self._entries = [entry for entry in self._entries if entry.socket not in sockets]
        for entry in dropped:
            self._end(entry)
        return [entry.url for entry in dropped]

    def close(self) -> None:
        """Close the sockets; in the process that made them, end them and remove their files first.

        May be called twice. A file that somebody else has put in the place of ours is left alone.
        """
        for entry in self._entries:
            self._end(entry)
        if os.getpid() == self._made_by:
            for path in list(self._files):  # of a socket that could not listen
                self._remove(path)
        self._files.clear()
        self.closed = True

    def close_in_child(self, kept: Collection[socket.socket]) -> None:
        """In a process that was just forked: close its copies of all sockets but some."""
        for entry in self._entries:
            if entry.socket not in kept:
                entry.socket.close()

    def _end(self, entry: Listener) -> None:
        if os.getpid() == self._made_by and entry.made_here and entry.socket.fileno() >= 0:
            self._remove_file(entry)
            try:
                # Closing would not do: a process that the app has forked may still have it open,
                # and connections would wait there for ever.
                entry.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # systems other than Linux do not know that of a listening socket
        entry.socket.close()

    def _remove_file(self, entry: Listener) -> None:
        if entry.socket.family == socket.AF_UNIX:
            self._remove(os.fsdecode(entry.socket.getsockname()))

    def _remove(self, path: str) -> None:
        identity = self._files.pop(path, None)
        try:
            if identity is not None and _identity(path) == identity:
                os.unlink(path)
        except OSError:
            pass  # gone already, or the directory is not ours any more


def _identity(path: str) -> tuple[int, int]:
    """What tells a file from another one that has taken its name."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino
