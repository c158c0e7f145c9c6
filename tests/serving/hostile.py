"""A process of hostile clients: half-sent heads, stalled bodies, and clients that never read.

    python -m tests.serving.hostile HOST PORT HEADS BODIES READERS

Connects them all, prints "holding" when every one has sent what it sends, and then, when the server
has ended the last of them, one line of JSON: for each kind how many there were, how many were
answered with 408, and after how many seconds the last one was gone. Ends after GIVE_UP_SECONDS
whatever is left, and counts that as "left".
"""

import json
import resource
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

GIVE_UP_SECONDS = 120.0

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: slow"
#: A body that the app is called for at once, and one that stays in the engine for a second.
BODIES = (40_000, 1_000)
#: An answer that is queued whole, and one whose thread waits for the client.
READERS = ("/large", "/endless")


@dataclass
class Kind:
    """What became of the clients of one kind."""

    clients: int = 0
    timed_out: int = 0
    left: int = 0
    gone_seconds: float = 0.0


@dataclass
class Crowd:
    """All clients of this process. One thread; `began` is when the last one had sent its part."""

    kinds: dict[str, Kind] = field(
        default_factory=lambda: {"heads": Kind(), "bodies": Kind(), "readers": Kind()}
    )
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    began: float = 0.0

    def add(self, address: tuple[str, int], kind: str, sent: bytes) -> None:
        client = socket.socket()
        if kind == "readers":
            # What the kernels keep between them is not the server's memory, and is the machine's.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(address)
        client.sendall(sent)
        client.setblocking(False)
        self.kinds[kind].clients += 1
        if kind == "readers":
            # One that never reads must not be told of what there is to read, only of the end.
            self._silent.append(client)
        else:
            self.selector.register(client, selectors.EVENT_READ, kind)

    _silent: list[socket.socket] = field(default_factory=list)

    def watch(self) -> None:
        """Wait until the server has ended every client, or it is hopeless."""
        self.began = time.monotonic()
        while self.selector.get_map() or self._silent:
            if time.monotonic() > self.began + GIVE_UP_SECONDS:
                break
            for key, _ in self.selector.select(0.5):
                self._hear(key)
            self._look_at_silent()
        for key in self.selector.get_map().values():
            self.kinds[key.data].left += 1
        self.kinds["readers"].left = len(self._silent)

    def _hear(self, key: selectors.SelectorKey) -> None:
        client = key.fileobj
        assert isinstance(client, socket.socket)
        kind = self.kinds[key.data]
        try:
            received = client.recv(65536)
        except OSError:
            received = b""
        kind.timed_out += received.startswith(b"HTTP/1.1 408 ")
        if not received:
            self.selector.unregister(client)
            client.close()
            kind.gone_seconds = round(time.monotonic() - self.began, 1)

    def _look_at_silent(self) -> None:
        """TCP_INFO tells of an end without reading: the first byte is the state (tcp(7))."""
        established = 1
        still = []
        for client in self._silent:
            if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == established:
                still.append(client)
            else:
                client.close()
        if len(still) < len(self._silent):
            self.kinds["readers"].gone_seconds = round(time.monotonic() - self.began, 1)
        self._silent = still


def main(host: str, port: int, heads: int, bodies: int, readers: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd()
    address = (host, port)
    # All at once: none of the kinds has the server to itself.
    for number in range(max(heads, bodies, readers)):
        if number < readers:
            target = READERS[number % len(READERS)]
            crowd.add(address, "readers", f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        if number < bodies:
            length = BODIES[number % len(BODIES)]
            head = b"POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"
            crowd.add(address, "bodies", head + bytes(length))
        if number < heads:
            crowd.add(address, "heads", HALF_A_HEAD)
    print("holding", flush=True)
    crowd.watch()
    print(json.dumps({name: asdict(kind) for name, kind in crowd.kinds.items()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
