"""What browsers connect to: the port that is free, or the relay that ends TLS before the engine.

Runs in the supervisor, before the first fork.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from trivet.dev.local_authority import certificate_for, data_directory, local_names
from trivet.errors import AddressInUse
from trivet.settings.addresses import Address
from trivet.settings.table import SPECS
from trivet.supervisor.sockets import bind_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from subprocess import Popen

    from trivet.settings.table import Settings
    from trivet.supervisor.listeners import Listeners

#: So many ports are tried for `--port next`.
PORTS_TRIED = 100

#: How long the relay may take to end when its input has ended.
RELAY_SECONDS = 2.0


def bind_next_port(settings: Settings, bind: Callable[[Settings], Listeners]) -> Listeners:
    """Bind the first port that is free, from the usual one on.

    Binding itself decides: what a look has found free may be taken a moment later.
    Raises AddressInUse when all of them are taken, for the last.
    """
    first = SPECS["port"].default
    assert isinstance(first, int)
    for port in range(first, first + PORTS_TRIED - 1):
        try:
            return bind(replace(settings, port=port))
        except AddressInUse:
            continue
    return bind(replace(settings, port=first + PORTS_TRIED - 1))


@dataclass(frozen=True, kw_only=True)
class HttpsFront:
    """The relay in front, and what stands behind it."""

    process: Popen[bytes]
    #: Hangs up when the relay ends, however that happens.
    alive: socket.socket
    #: What the engine listens on in the place of the public addresses.
    listeners: Listeners
    #: For the start screen.
    notes: tuple[str, ...]

    def close(self) -> None:
        """End the relay; its connections end with it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.alive.close()
        try:
            self.process.wait(RELAY_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.listeners.close()


def open_https_front(
    public: Listeners,
    state_directory: Path,
    own_address: str,
    environ: Mapping[str, str],
    backlog: int,
) -> HttpsFront:
    """Start the relay on the public sockets. Raises HostError without a certificate."""
    certificate = certificate_for(
        local_names(own_address), data_directory(environ), state_directory
    )
    path = state_directory / "app.sock"
    behind = bind_all([Address(path=str(path))], backlog)
    descriptors = [listener.fileno() for listener in public.sockets]
    alive, theirs = socket.socketpair()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "trivet.dev.tls_relay", *map(str, descriptors)),
            *("--to", str(path), "--chain", str(certificate.chain), "--key", str(certificate.key)),
        ],
        stdin=subprocess.PIPE,
        pass_fds=[*descriptors, theirs.fileno()],
    )
    theirs.close()
    notes = (f"browsers must trust {certificate.authority}, once; see docs/guides/development.md",)
    return HttpsFront(
        process=process, alive=alive, listeners=behind, notes=notes if certificate.is_new else ()
    )


def behind_https(settings: Settings) -> Settings:
    """The settings of an engine behind the relay, which says who the client is."""
    # Nobody but this user can connect to the socket: its directory is private.
    return replace(settings, url_scheme="https", proxy_protocol=True, trusted_proxies=("unix",))
