"""A small HTTP/1.1 client over a bare socket: sends what it is told, keeps all that it reads.

It is strict: framing that RFC 9112 does not allow raises. It retries, decodes, follows nothing.
"""

import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType

from tests.serving.addresses import Address

LONGEST_LINE_BYTES = 64 * 1024


class ConnectionCut(AssertionError):
    """The server closed the connection in the middle of a response."""


class BadFraming(AssertionError):
    """The response breaks a rule of RFC 9112."""


@dataclass
class Response:
    """One response. `chunks` are the pieces of a chunked body as they were framed."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Return every value of a field, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """Return the only value of a field; a field that is there twice is an error."""
        values = self.all(name)
        if len(values) > 1:
            raise BadFraming(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None

    @property
    def says_close(self) -> bool:
        options = ",".join(self.all("Connection")).lower().split(",")
        return "close" in [option.strip() for option in options]


class Wire:
    """One connection."""

    def __init__(self, address: Address, receive_buffer_bytes: int | None = None) -> None:
        self.address = address
        self.socket: socket.socket = address.connect(receive_buffer_bytes)
        self._buffer = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        version: str = "HTTP/1.1",
    ) -> None:
        """Send one request with a Host, and a Content-Length when there is a body."""
        self.send(
            build_request(
                method, target, headers, body, version=version, host=self.address.authority
            )
        )

    def exchange(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        version: str = "HTTP/1.1",
    ) -> Response:
        self.request(method, target, headers, body, version=version)
        return self.read_response(method)

    # Reading, whole or step by step.

    def read_response(self, method: str = "GET") -> Response:
        """Read one final response, and the interim ones before it."""
        response = self.read_head()
        interim = []
        while 100 <= response.status < 200 and response.status != 101:
            interim.append(response.status)
            response = self.read_head()
        response.interim = interim
        self.read_body(response, method)
        return response

    def read_head(self) -> Response:
        """Read a status line and the header fields after it."""
        version, _, rest = self.read_line().partition(b" ")
        status, _, reason = rest.partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or not (len(status) == 3 and status.isdigit()):
            raise BadFraming(f"not a status line: {version!r} {rest!r}")
        return Response(
            version.decode(), int(status), reason.decode("latin-1"), list(self.read_fields())
        )

    def read_fields(self) -> Iterable[tuple[str, str]]:
        while line := self.read_line():
            name, colon, value = line.partition(b":")
            if not colon or not name or name.strip() != name:
                raise BadFraming(f"not a header field: {line!r}")
            yield name.decode("latin-1"), value.strip(b" \t").decode("latin-1")

    def read_body(self, response: Response, method: str) -> None:
        """Read the body as RFC 9112 section 6.3 says, rule by rule."""
        length, coding = response.get("Content-Length"), response.get("Transfer-Encoding")
        if length is not None and coding is not None:
            raise BadFraming("a response has both Content-Length and Transfer-Encoding")
        bodiless = method == "HEAD" or response.status in (204, 304) or response.status < 200
        if bodiless:
            if response.status == 204 and (length is not None or coding is not None):
                raise BadFraming(f"204 with {length=} {coding=} (RFC 9110 section 8.6)")
        elif coding is not None:
            if coding.lower() != "chunked" or response.version != "HTTP/1.1":
                raise BadFraming(f"Transfer-Encoding {coding!r} in {response.version}")
            while chunk := self.read_chunk():
                response.chunks.append(chunk)
            response.body = b"".join(response.chunks)
            list(self.read_fields())
        elif length is not None:
            response.body = self.read_exactly(int(length))
        else:
            if response.version == "HTTP/1.1" and not response.says_close:
                raise BadFraming(
                    "the body ends with the connection, and the response does not say so"
                )
            response.body = self.read_to_end()

    def read_chunk(self) -> bytes:
        """Read one chunk; b"" is the last one (its trailer is not read)."""
        size = int(self.read_line().split(b";")[0], 16)
        if size == 0:
            return b""
        chunk = self.read_exactly(size)
        if self.read_exactly(2) != b"\r\n":
            raise BadFraming("a chunk is longer than its size")
        return chunk

    def read_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > LONGEST_LINE_BYTES:
                raise BadFraming(f"no end of line in {self._buffer[:200]!r}…")
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def read_exactly(self, size: int) -> bytes:
        pieces, missing = [], size
        while missing:
            if not self._buffer:
                self._receive()
            piece, self._buffer = self._buffer[:missing], self._buffer[missing:]
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def read_to_end(self) -> bytes:
        """Read until the server closes; a reset counts as a cut."""
        pieces = [self._buffer]
        self._buffer = b""
        while piece := self._receive_some():
            pieces.append(piece)
        return b"".join(pieces)

    def is_closed(self) -> bool:
        """Wait for the server to close and tell whether it did so without another byte.

        A reset counts: the server closed with bytes of ours unread.
        """
        try:
            return self._buffer == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def has_byte_waiting(self) -> bool:
        """Tell whether a byte has come already, without waiting for one."""
        return bool(self._buffer or select.select([self.socket], [], [], 0)[0])

    def _receive(self) -> None:
        piece = self._receive_some()
        if not piece:
            raise ConnectionCut(f"closed after {self._buffer[-200:]!r}")
        self._buffer += piece

    def _receive_some(self) -> bytes:
        try:
            return self.socket.recv(256 * 1024)
        except ConnectionError as error:
            raise ConnectionCut(f"{error} after {self._buffer[-200:]!r}") from error
        except TimeoutError:
            raise AssertionError(
                f"nothing came for {self.socket.gettimeout()} s after {self._buffer[-200:]!r}"
            ) from None


def build_request(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    *,
    version: str = "HTTP/1.1",
    host: str | None = "localhost",
) -> bytes:
    """Return a request as bytes. `host=None` leaves Host out; a given field takes its place."""
    fields = list(headers)
    names = {name.lower() for name, _ in fields}
    if host is not None and "host" not in names:
        fields.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields)]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + (body or b"")


def chunked(pieces: Iterable[bytes], trailers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the pieces as a chunked body (RFC 9112 section 7.1)."""
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return framed + b"0\r\n" + lines.encode("latin-1") + b"\r\n"
