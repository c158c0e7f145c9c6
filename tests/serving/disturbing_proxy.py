"""A small TCP proxy that splits, holds, narrows, half-closes and resets; it knows no HTTP."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType

from tests.serving.addresses import TcpAddress
from tests.serving.wire import Wire

UP, DOWN = "up", "down"
HALF_CLOSE, RESET = "half-close", "reset"
#: The kernel makes the least that it allows of it (socket(7), SO_RCVBUF).
NARROW_BYTES = 1
READ_BYTES = 64 * 1024
#: close() then sends RST instead of FIN (socket(7), SO_LINGER).
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
JOIN_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Cut:
    """After so many bytes in one direction: a half-close of it, or a reset of both sides."""

    kind: str
    direction: str
    after: int


@dataclass(frozen=True)
class Disturbance:
    """What is done to a connection. Nothing here waits for time to pass."""

    #: Bytes are passed on in pieces of 1 to this many.
    longest_piece: int | None = None
    #: While the client sends, these directions are held; what was held goes on in one piece.
    holds: frozenset[str] = frozenset()
    #: The least buffers between proxy and server, so that each side has to wait for the other.
    is_narrow: bool = False
    cut: Cut | None = None


BENIGN: dict[str, Disturbance] = {
    "nothing": Disturbance(),
    "pieces of 1 to 3": Disturbance(longest_piece=3),
    "pieces of 1 to 1000": Disturbance(longest_piece=1000),
    "requests held": Disturbance(holds=frozenset({UP})),
    "answers held": Disturbance(holds=frozenset({DOWN})),
    "narrow": Disturbance(is_narrow=True),
    "narrow, in pieces of 1 to 200": Disturbance(is_narrow=True, longest_piece=200),
}

#: In a head, behind it, in a body that was read ahead, and in one that is streamed.
PLACES = (1, 40, 180, 5_000, 50_000)

CUTTING: dict[str, Disturbance] = {
    f"{kind} {direction} after {place}": Disturbance(cut=Cut(kind, direction, place))
    for kind in (HALF_CLOSE, RESET)
    for direction in (UP, DOWN)
    for place in PLACES
}


class DisturbingProxy:
    """A proxy in a thread of its own between one client after another and a server."""

    def __init__(self, server: TcpAddress, disturbance: Disturbance, seed: int = 1) -> None:
        self.server = server
        self.disturbance = disturbance
        #: How often the cut has been made.
        self.cuts = 0
        #: Calls that passed bytes on, by direction.
        self.pieces = {UP: 0, DOWN: 0}
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._released.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = TcpAddress(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._loop.run_forever, name="disturbing-proxy")

    def __enter__(self) -> "DisturbingProxy":
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(JOIN_TIMEOUT_SECONDS)
        self._loop.close()

    def hold(self) -> None:
        """Pass nothing on in the directions that are to be held, until `release`."""
        if self.disturbance.holds:
            self._loop.call_soon_threadsafe(self._released.clear)

    def release(self) -> None:
        """Pass on what has been held, and what comes."""
        if self.disturbance.holds:
            self._loop.call_soon_threadsafe(self._released.set)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(JOIN_TIMEOUT_SECONDS)

    # From here on in the proxy's thread.

    async def _start(self) -> None:
        self._accepting = await asyncio.start_server(self._serve, sock=self._listener)

    async def _stop(self) -> None:
        self._accepting.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._connect_and_pass(reader, client)
        except asyncio.CancelledError:
            pass  # the end of the proxy; asyncio would log it
        finally:
            client.transport.abort()
            self._connections.discard(task)

    async def _connect_and_pass(
        self, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        if self.disturbance.is_narrow:
            # tcp(7): must be set before connect() to bound the window.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW_BYTES)
        await self._loop.sock_connect(connection, (self.server.host, self.server.port))
        limit = 1024 if self.disturbance.is_narrow else READ_BYTES
        answers, server = await asyncio.open_connection(sock=connection, limit=limit)
        ends = (client, server)
        for end in ends:
            end.transport.set_write_buffer_limits(high=0)  # drain() waits for the other side
        try:
            await asyncio.gather(
                self._pass(UP, reader, server, ends), self._pass(DOWN, answers, client, ends)
            )
        finally:
            server.transport.abort()

    async def _pass(
        self,
        direction: str,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        """Pass bytes on until the source ends, and then end the target."""
        cut = self.disturbance.cut
        if cut is not None and cut.direction != direction:
            cut = None
        passed = 0
        try:
            while data := await self._read(direction, source):
                rest = len(data) if cut is None else cut.after - passed
                await self._write(direction, target, data[:rest])
                passed += len(data)
                if cut is not None and passed >= cut.after:
                    self.cuts += 1
                    if cut.kind == RESET:
                        for end in ends:
                            reset(end)
                        return
                    target.write_eof()
                    while await source.read(READ_BYTES):
                        pass  # or the sender would wait for room for ever
                    return
            target.write_eof()
        except OSError:
            # One side is gone: the other shall see the same.
            for end in ends:
                reset(end)

    async def _read(self, direction: str, source: asyncio.StreamReader) -> bytes:
        data = await source.read(READ_BYTES)
        if direction not in self.disturbance.holds:
            return data
        held = [data]
        while data and not self._released.is_set():
            reading = asyncio.ensure_future(source.read(READ_BYTES))
            releasing = asyncio.ensure_future(self._released.wait())
            waits = {reading, releasing}
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in waits:
                    waiting.cancel()
            await asyncio.wait(waits)
            if reading.cancelled():
                break  # what comes from now on stays in the reader's buffer
            data = reading.result()
            held.append(data)
        return b"".join(held)

    async def _write(self, direction: str, target: asyncio.StreamWriter, data: bytes) -> None:
        longest = self.disturbance.longest_piece
        at = 0
        while at < len(data):
            size = len(data) if longest is None else self._random.randint(1, longest)
            target.write(data[at : at + size])
            await target.drain()
            self.pieces[direction] += 1
            at += size


def reset(end: asyncio.StreamWriter) -> None:
    connection = end.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    end.transport.abort()


class DisturbedWire(Wire):
    """A connection through the proxy, which is held while the client sends."""

    def __init__(self, proxy: DisturbingProxy) -> None:
        super().__init__(proxy.address)
        self.proxy = proxy

    def send(self, data: bytes) -> None:
        self.proxy.hold()
        super().send(data)

    def _receive_some(self) -> bytes:
        self.proxy.release()
        return super()._receive_some()
