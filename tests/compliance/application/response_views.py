"""Views with unusual responses: late, in pieces, through write(), wrong, raising.

`/response/NAME` chooses one. Bodies that have a close() record it in the journal of `key`.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from tests.compliance.application import journal
from tests.compliance.application.responses import (
    FILE_BYTES,
    TEXT,
    Environ,
    Query,
    StartResponse,
    ok,
    response,
)
from tests.compliance.application.wrong_starts import WRONG_ITEMS, WRONG_STARTS


class Body:
    """An iterator that records its close(); exceptions among the `pieces` are raised."""

    def __init__(self, key: str, pieces: Iterable[bytes | Exception]) -> None:
        self._key = key
        self._pieces = iter(pieces)

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        if isinstance(piece, Exception):
            journal.record(self._key, "raising")
            raise piece
        journal.record(self._key, "piece")
        return piece

    def close(self) -> None:
        journal.record(self._key, "close")


class SizedBody(list[bytes]):
    """A list that has a close()."""

    key = ""

    def close(self) -> None:
        journal.record(self.key, "close")


class IndexedBody:
    """Iterable in the oldest way: only __getitem__."""

    def __getitem__(self, index: int) -> bytes:
        return [b"in", b"dex", b"ed"][index]


class ViewFailed(Exception):
    """What views of this module raise on purpose."""


# Bodies of every kind.


@response
def one_item(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return [b"one item"]


@response
def several_items(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return [b"sev", b"er", b"al"]


@response
def a_tuple(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return (b"tu", b"ple")


@response
def a_generator(environ: Environ, start_response: StartResponse, query: Query) -> Iterator[bytes]:
    ok(start_response)
    yield b"gener"
    yield b"ated"


@response
def indexed(environ: Environ, start_response: StartResponse, query: Query) -> Any:
    ok(start_response)
    return IndexedBody()


@response
def empty_list(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return []


@response
def empty_items(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return iter([b"", b"some", b"", b"thing", b""])


@response
def with_length(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """A body of `bytes`, promised as `length`."""
    ok(start_response, ("Content-Length", query["length"]))
    return [b"x" * int(query["bytes"])]


@response
def pieces_with_length(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterable[bytes]:
    """A body of `pieces` times 10 bytes, promised as `length`."""
    ok(start_response, ("Content-Length", query["length"]))
    return Body(query["key"], [b"0123456789"] * int(query["pieces"]))


@response
def large(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """`pieces` pieces of `size` bytes, without a length."""
    ok(start_response)
    piece = FILE_BYTES[: int(query["size"])]
    return Body(query.get("key", ""), (piece for _ in range(int(query["pieces"]))))


@response
def status(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """The status line `line`, with a body and its length whether or not the status allows one."""
    headers = [("Content-Length", "4")] if "length" in query else []
    start_response(query["line"], [("X-Kept", "yes"), *headers])
    body = SizedBody([b"body"])
    body.key = query.get("key", "")
    return body


@response
def with_headers(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    start_response(
        "200 OK",
        [
            ("Set-Cookie", "a=1; Path=/"),
            ("X-Latin", "caf\xe9"),
            ("Set-Cookie", "b=2"),
            ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("Server", "the app"),
            ("X-Empty", ""),
            ("Content-Length", "0"),
        ],
    )
    return []


@response
def connection_close(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterable[bytes]:
    ok(start_response, ("Connection", "close"), ("Content-Length", "3"))
    return [b"bye"]


# In time: pieces between which the view waits for the test.


@response
def gated(environ: Environ, start_response: StartResponse, query: Query) -> Iterator[bytes]:
    """Yield a piece, wait until the test says that it has come, and yield the next."""
    ok(start_response)
    yield b"first"
    journal.wait_at_gate(query["key"])
    yield b"second"


@response
def gated_write(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """The same with write(): what was written is sent before write() returns (PEP 3333)."""
    write = ok(start_response)
    write(b"first")
    journal.wait_at_gate(query["key"])
    write(b"second")
    return [b"third"]


@response
def write_only(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    write = ok(start_response, ("Content-Length", "10"))
    write(b"writ")
    write(b"")
    write(b"ten")
    return Body(query.get("key", ""), [b"end"])


@response
def endless(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """Never end by itself; close() is recorded when the server sees that the client left."""
    ok(start_response)

    def pieces() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    return Body(query["key"], pieces())


@response
def answer_at_gate(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterable[bytes]:
    """Record the call, wait at the gate, and answer."""
    journal.record(query["key"], "called")
    journal.wait_at_gate(query["key"])
    ok(start_response)
    return Body(query["key"], [b"after the gate"])


# start_response in all its ways.


@response
def late_start(environ: Environ, start_response: StartResponse, query: Query) -> Iterator[bytes]:
    """A generator runs start_response only when its first item is asked for."""
    start_response("201 Late", [TEXT, ("Content-Length", "4")])
    yield b"late"


@response
def never_started(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    return Body(query["key"], [b"no status"])


@response
def started_twice(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """A second call without exc_info is an error of the app (PEP 3333), and the app is told."""
    ok(start_response)
    try:
        start_response("201 Created", [TEXT])
    except Exception as error:  # noqa: BLE001 (PEP 3333 names no type)
        journal.record(query["key"], f"raised {type(error).__name__}")
    return [b"first start"]


@response
def replaced_start(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterator[bytes]:
    """An empty item sends no headers yet (PEP 3333), so an error may still take their place."""
    ok(start_response, ("X-First", "yes"))
    yield b""
    try:
        raise ViewFailed("before anything was sent")
    except ViewFailed:
        start_response("503 Replaced", [TEXT], sys.exc_info())
    yield b"replaced"


@response
def too_late_to_replace(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterator[bytes]:
    """After a byte was sent, start_response with exc_info raises that exception again."""
    ok(start_response)
    yield b"sent already"
    try:
        raise ViewFailed("after the first byte")
    except ViewFailed:
        try:
            start_response("503 Replaced", [TEXT], sys.exc_info())
        except ViewFailed:
            journal.record(query["key"], "raised again")
            raise
    yield b"never"


@response
def wrong_start(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    start_response(*WRONG_STARTS[query["what"]])
    return [b"0123456789"]


# Views that fail.


@response
def raise_at_once(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    raise ViewFailed(f"raised at once by {query['key']}")


@response
def raise_after_start(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterable[bytes]:
    ok(start_response)
    raise ViewFailed("raised after start_response")


@response
def raise_first(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return Body(query["key"], [ViewFailed("raised in the place of the first item")])


@response
def raise_later(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    ok(start_response)
    return Body(query["key"], [b"some bytes", ViewFailed("raised after some bytes")])


@response
def raise_in_close(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterable[bytes]:
    class Failing(Body):
        def close(self) -> None:
            super().close()
            raise ViewFailed("raised in close")

    ok(start_response, ("Content-Length", "5"))
    return Failing(query["key"], [b"whole"])


@response
def exit_process(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    sys.exit("a view called sys.exit()")


@response
def text_item(environ: Environ, start_response: StartResponse, query: Query) -> Any:
    ok(start_response)
    return ["text, not bytes"]


@response
def raise_later_with_length(
    environ: Environ, start_response: StartResponse, query: Query
) -> Iterable[bytes]:
    """The same with a promised length, of which a part is sent."""
    ok(start_response, ("Content-Length", "20"))
    return Body(query["key"], [b"some bytes", ViewFailed("raised before the end")])


@response
def wrong_item(environ: Environ, start_response: StartResponse, query: Query) -> Any:
    """Bytes, and then what is no bytes."""
    ok(start_response)
    return iter([b"some bytes", WRONG_ITEMS[query["what"]]])


@response
def wrong_body(environ: Environ, start_response: StartResponse, query: Query) -> Any:
    """What is no iterable of bytes at all."""
    ok(start_response)
    return WRONG_ITEMS[query["what"]]


@response
def hop_by_hop(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """Fields that belong to the connection, which is the server's (PEP 3333)."""
    names = ("Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade")
    ok(start_response, *((name, "x") for name in names))
    return [b"alone"]
