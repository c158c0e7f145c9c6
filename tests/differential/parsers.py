"""Three parsers behind one interface: each says what it makes of the bytes of one head."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h11
import httptools


@dataclass(frozen=True)
class Verdict:
    """`kind` is complete, partial or reject; the rest only for complete ones, `why` for rejects."""

    kind: str
    method: bytes = b""
    target: bytes = b""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    why: str = ""


class Trivet:
    """The example `verdicts` of trivet-http, as a process that answers line by line."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, head: bytes) -> Verdict:
        stdin, stdout = _pipe(self._process.stdin), _pipe(self._process.stdout)
        stdin.write(len(head).to_bytes(4, "little") + head)
        stdin.flush()
        kind, *parts = stdout.readline().decode("ascii").split()
        if kind == "reject":
            return Verdict(kind, why=parts[0])
        if kind == "partial":
            return Verdict(kind)
        method, target, _, _, _, *fields = parts
        names, values = map(_bytes, fields[::2]), map(_bytes, fields[1::2])
        pairs = tuple((name.lower(), value) for name, value in zip(names, values, strict=True))
        return Verdict(kind, _bytes(method), _bytes(target), pairs)

    def close(self) -> None:
        _pipe(self._process.stdin).close()
        self._process.wait(10)
        _pipe(self._process.stdout).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "opened as a pipe above"
    return pipe


def _bytes(part: str) -> bytes:
    return b"" if part == "-" else bytes.fromhex(part)


def read_with_h11(head: bytes) -> Verdict:
    connection = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        return Verdict("reject", why=str(error))
    if not isinstance(event, h11.Request):
        return Verdict("partial")
    fields = tuple((bytes(name), bytes(value)) for name, value in event.headers)
    return Verdict("complete", bytes(event.method), bytes(event.target), fields)


class _Callbacks:
    """What httptools calls while it reads."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.is_complete = True


def read_with_llhttp(head: bytes) -> Verdict:
    callbacks = _Callbacks()
    parser = httptools.HttpRequestParser(callbacks)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # the head was whole, and asks for another protocol
    except httptools.HttpParserError as error:
        if not callbacks.is_complete:
            return Verdict("reject", why=str(error))
    if not callbacks.is_complete:
        return Verdict("partial")
    # llhttp leaves white space behind a value to its caller.
    fields = tuple((name, value.rstrip(b" \t")) for name, value in callbacks.fields)
    return Verdict("complete", parser.get_method(), callbacks.target, fields)
