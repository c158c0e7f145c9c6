"""A process that ends TLS in front of the development server, and passes plain bytes on.

    python -m trivet.dev.tls_relay DESCRIPTOR… --to PATH --chain FILE --key FILE

Each DESCRIPTOR is a listening socket. What comes is passed to the Unix socket at PATH, behind a
header of the PROXY protocol (version 1) that says who the client is. The process ends when its
standard input does, which its parent holds open.

The engine has no TLS of its own yet; production has a proxy in front that does it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys

#: The first byte of a TLS record that begins a handshake (RFC 8446, section 5.1).
TLS_HANDSHAKE = b"\x16"

CHUNK_BYTES = 65536

#: For a client to send its first byte, and for its handshake.
HANDSHAKE_SECONDS = 10.0

#: A request head that was sent without TLS is read so far, to answer with the right address.
MOST_PLAIN_BYTES = 16 * 1024


class Relay:
    """Takes connections, and copies bytes in both directions until one side has ended."""

    def __init__(self, path: str, context: ssl.SSLContext) -> None:
        self._path = path
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Take connections for ever."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(0.1)  # too many open files: some will be closed
                continue
            task = asyncio.create_task(self._handle(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            header = proxy_header(connection)
            first = await asyncio.wait_for(_peek(connection), HANDSHAKE_SECONDS)
            reader, writer = await _open(
                connection, self._context if first == TLS_HANDSHAKE else None
            )
        except (OSError, TimeoutError, asyncio.TimeoutError, ssl.SSLError):
            connection.close()
            return
        try:
            if first == TLS_HANDSHAKE:
                await self._relay(header, reader, writer)
            elif first:
                await _send_to_https(reader, writer)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            pass  # either side may go at any moment
        finally:
            await _close(writer)

    async def _relay(
        self, header: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._path)
        try:
            inner_writer.write(header)
            inward = asyncio.create_task(_copy(reader, inner_writer, half_close=True))
            outward = asyncio.create_task(_copy(inner_reader, writer, half_close=False))
            # When the server has ended its side, nobody is left to talk to. A client that has ended
            # its own in good order may still be waiting for its answer.
            await asyncio.wait({outward, inward}, return_when=asyncio.FIRST_COMPLETED)
            if inward.done() and inward.exception() is None:
                await asyncio.wait({outward})
            inward.cancel()
            outward.cancel()
            await asyncio.gather(inward, outward, return_exceptions=True)
        finally:
            await _close(inner_writer)


def proxy_header(connection: socket.socket) -> bytes:
    """Who the client is, for the server: the PROXY protocol, version 1, section 2.1."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return b"PROXY UNKNOWN\r\n"
    client, client_port = connection.getpeername()[:2]
    server, server_port = connection.getsockname()[:2]
    # A socket on [::] may have an IPv4 client, whose address must not look like IPv6.
    client, server = (address.removeprefix("::ffff:") for address in (client, server))
    protocol = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {protocol} {client} {server} {client_port} {server_port}\r\n".encode("ascii")


async def _peek(connection: socket.socket) -> bytes:
    """The first byte, which stays where it is; empty when the client has gone."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(connection, wake)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _open(
    connection: socket.socket, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol,
        connection,
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, half_close: bool
) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    if half_close and writer.can_write_eof():
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError, asyncio.TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), HANDSHAKE_SECONDS)


async def _send_to_https(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Somebody typed http://: say where the page is."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MOST_PLAIN_BYTES:
        data = await asyncio.wait_for(reader.read(CHUNK_BYTES), HANDSHAKE_SECONDS)
        if not data:
            break
        head += data
    writer.write(redirection(head))
    await writer.drain()


def redirection(head: bytes) -> bytes:
    """The answer to a request that came without TLS."""
    first, *fields = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    target = words[1] if len(words) == 3 and words[1].startswith("/") else "/"
    host = next(
        (field.partition(":")[2].strip() for field in fields if field.lower().startswith("host:")),
        "",
    )
    text = b"This server speaks https.\n"
    usual = f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    if not host or not f"{host}{target}".isprintable():
        return f"HTTP/1.1 400 Bad Request\r\n{usual}".encode("latin-1") + text
    answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://{host}{target}\r\n{usual}"
    return answer.encode("latin-1") + text


def tls_context(chain: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 and 1.3; HTTP/1.1, which is what the server behind speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def run(listeners: list[socket.socket], relay: Relay) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def look() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            ended.set()

    loop.add_reader(sys.stdin, look)
    servers = [asyncio.create_task(relay.serve(listener)) for listener in listeners]
    await ended.wait()
    for server in servers:
        server.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("descriptors", nargs="+", type=int)
    for name in ("--to", "--chain", "--key"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    # Ctrl-C goes to every process of the terminal; the parent says when it is time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    relay = Relay(arguments.to, tls_context(arguments.chain, arguments.key))
    listeners = [socket.socket(fileno=number) for number in arguments.descriptors]
    # What still runs when the parent has gone is of no use to anybody.
    asyncio.run(run(listeners, relay))


if __name__ == "__main__":
    main()
