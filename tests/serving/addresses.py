"""Where a server under test listens: free TCP ports and Unix sockets, and connecting to them."""

import errno
import random
import socket
from dataclasses import dataclass
from pathlib import Path

# No test waits longer than this for bytes; a hang becomes a failure that says where.
SOCKET_TIMEOUT_SECONDS = 15.0

# Above 32767 the kernel takes ports for outgoing connections, and could be faster than the server.
LOWEST_PORT, HIGHEST_PORT = 10_000, 32_767


@dataclass(frozen=True)
class TcpAddress:
    """A host and a port on the loopback interface."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """What stands in a URL and in the Host field."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def bind(self) -> str:
        """What a command line wants after --bind."""
        return self.authority

    def connect(self, receive_buffer_bytes: int | None = None) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(SOCKET_TIMEOUT_SECONDS)
        if receive_buffer_bytes is not None:
            # tcp(7): must be set before connect() to bound the window.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            connection.connect((self.host, self.port))
        except OSError:
            connection.close()
            raise
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


@dataclass(frozen=True)
class UnixAddress:
    """A socket in the file system."""

    path: Path

    authority = "localhost"

    @property
    def bind(self) -> str:
        return f"unix:{self.path}"

    def connect(self, receive_buffer_bytes: int | None = None) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SOCKET_TIMEOUT_SECONDS)
        try:
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection


Address = TcpAddress | UnixAddress


#: By this process, which uses each of them some time after it was found to be free.
_given_ports: set[int] = set()


def free_tcp_address(host: str = "127.0.0.1") -> TcpAddress:
    """Return an address that nobody listens on, and never the same port twice.

    Raises OSError when the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        port = random.randint(LOWEST_PORT, HIGHEST_PORT)
        if port in _given_ports:
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: a port whose last connections are in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno in NOT_OUR_HOST:
                    raise
                continue
        _given_ports.add(port)
        return TcpAddress(host, port)
    raise RuntimeError(f"200 ports on {host} were tried and all are in use")


def has_ipv6() -> bool:
    """Tell whether this machine has the IPv6 loopback address."""
    try:
        free_tcp_address("::1")
    except OSError:
        return False
    return True


# With these errors another port would not help.
NOT_OUR_HOST = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
