"""Find a running server and ask it something; showing what it says is the commands'."""

from __future__ import annotations

import json
import os
import select
import socket

from trivet.control.place import AUTO, OFF, directories_to_search, sockets_in
from trivet.control.protocol import encode
from trivet.errors import ServerNotFound, TrivetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: How long a server may take for an answer that it has at hand. A reload takes as long as the
#: application takes to load, so it has no limit.
ANSWER_SECONDS = 10.0

#: After so long somebody who waits without a limit wants to hear that this is still so.
LONG_SECONDS = 5.0


class Client:
    """A connection to one server. Raises ServerNotFound when nobody is there."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise ServerNotFound(
                f"no server answers on {path}: {error.strerror or error}",
                hint="`trivet ps` without --control finds those of this user",
            ) from error
        self._lines = self._socket.makefile("rb")

    def ask(
        self,
        command: str,
        *,
        when_it_takes_long: Callable[[], None] | None = None,
        long_seconds: float = LONG_SECONDS,
        **fields: object,
    ) -> dict[str, Any]:
        """Send a request; the last line of its answer. Raises the error that the server tells of.

        With `when_it_takes_long` it waits without end, and calls that once after `long_seconds`.
        Raises ServerNotFound when the server ends meanwhile.
        """
        self._socket.settimeout(None if when_it_takes_long else ANSWER_SECONDS)
        try:
            self._socket.sendall(encode({"command": command, **fields}))
            if when_it_takes_long and not select.select([self._socket], [], [], long_seconds)[0]:
                when_it_takes_long()
            while line := self._lines.readline():
                answer = json.loads(line)
                if "ok" in answer:
                    return _checked(answer)
        except TimeoutError:
            raise ServerNotFound(
                f"the server on {self.path} has not answered for {ANSWER_SECONDS:g} s",
                hint="see what its process does",
            ) from None
        except (BrokenPipeError, ConnectionResetError):
            pass
        except (OSError, ValueError) as error:
            raise ServerNotFound(f"the server on {self.path} broke off: {error}") from error
        raise ServerNotFound(f"the server on {self.path} has ended")

    def wait_for_the_end(self) -> None:
        """Return when the server has ended: the kernel closes its side then."""
        self._socket.settimeout(None)
        try:
            while self._lines.readline():
                pass
        except OSError:
            pass  # a reset is an end like any other

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["ok"]:
        return answer
    from trivet.supervisor.failure import rebuild_error

    raise rebuild_error({**answer, "name": answer.get("error")}, colour=False)


def connect(setting: str, environ: Mapping[str, str], directory: str, pid: int | None) -> Client:
    """Connect to the server that is meant. `setting` is the value of `control`.

    A path names it. Otherwise it is the one with that pid, the only one that runs, or the only one
    that runs in this directory. Raises ServerNotFound.
    """
    if setting not in (AUTO, OFF) and pid is None:
        return Client(os.path.join(directory, setting))
    running = find_all(environ)
    try:
        client = _choose(running, directory, pid)
    except TrivetError:
        for other, _ in running:
            other.close()
        raise
    for other, _ in running:
        if other is not client:
            other.close()
    return client


def find_all(environ: Mapping[str, str]) -> list[tuple[Client, dict[str, Any]]]:
    """Every server that this user may talk to and that answers, with what `ps` says of it."""
    found = []
    for directory in directories_to_search(environ, os.getuid()):
        for path in sockets_in(directory):
            try:
                client = Client(path)
            except ServerNotFound as error:
                if isinstance(error.__cause__, ConnectionRefusedError):
                    _remove(path)  # its server was killed; a socket that is being made has no name
                continue
            try:
                found.append((client, client.ask("ps")))
            except TrivetError:
                client.close()
    return found


def _choose(
    running: list[tuple[Client, dict[str, Any]]], directory: str, pid: int | None
) -> Client:
    if pid is not None:
        matching = [client for client, answer in running if answer["server"]["pid"] == pid]
        if not matching:
            raise ServerNotFound(
                f"no server has the pid {pid}",
                details=_list(running),
                hint="it is the supervisor's, as server-ready in the log tells it; a server whose "
                "control socket has a path of its own is reached with --control PATH",
            )
        return matching[0]
    if not running:
        raise ServerNotFound(
            "no running server was found",
            hint="a server of another user, or in another container, has to be asked there; "
            "one with a control path of its own is found by --control PATH",
        )
    # After an upgrade, the old server is there until it has answered its last request.
    running = [entry for entry in running if not entry[1]["server"]["stopping"]] or running
    here = [entry for entry in running if entry[1]["server"]["directory"] == directory]
    candidates = running if len(running) == 1 else here
    if len(candidates) == 1:
        return candidates[0][0]
    raise ServerNotFound(
        f"{len(here)} servers run in {directory}"
        if here
        else f"{len(running)} servers run, and none of them in {directory}",
        details=_list(here or running),
        hint="say which with --pid PID",
    )


def _list(running: list[tuple[Client, dict[str, Any]]]) -> str:
    return "\n".join(
        f"    pid {server['pid']}  {server['app']}  {' '.join(server['urls'])}  "
        f"in {server['directory']}"
        for server in (answer["server"] for _, answer in running)
    )


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # somebody else was quicker
