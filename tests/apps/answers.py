"""Plain WSGI views that answer in each of the ways an application can: whole, in parts, as a file.

`/take` reads its body and answers with it; `/allocate` asks the kernel for memory.
"""

import os
from typing import Any
from urllib.parse import parse_qs

#: More than a socket takes at once.
PARTS = 200
PART_BYTES = 20_000
ALLOCATED_BYTES = 64 * 1024 * 1024
#: Ours, as the server's would be another one when a second has gone by: answers to the same request
#: are the same, byte for byte.
DATE = "Thu, 26 Nov 2026 12:00:00 GMT"


def pattern(size: int) -> bytes:
    """Bytes that tell every shift and gap, for as far as 64 KiB."""
    block = b"".join(b"%06d," % number for number in range(10_000))
    return (block * (size // len(block) + 1))[:size]


def app(environ: Any, start_response: Any) -> Any:
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    body = VIEWS[environ["PATH_INFO"]](environ, query)
    headers = [("Content-Type", "application/octet-stream"), ("Date", DATE)]
    if isinstance(body, bytes):
        headers.append(("Content-Length", str(len(body))))
        body = [body]
    start_response("200 OK", headers)
    return body


def hello(environ: Any, query: Any) -> Any:
    return b"hello"


def whole(environ: Any, query: Any) -> Any:
    return pattern(int(query["size"]))


def parts(environ: Any, query: Any) -> Any:
    count, size = int(query.get("count", PARTS)), int(query.get("size", PART_BYTES))
    whole = pattern(count * size)
    return (whole[at : at + size] for at in range(0, len(whole), size))


def pause(environ: Any, query: Any) -> Any:
    """Make one part, wait until the test has opened and closed the FIFO, and make another."""
    yield pattern(int(query["size"]))
    with open(query["fifo"], "rb") as fifo:
        fifo.read()
    yield b"after the pause"


def file(environ: Any, query: Any) -> Any:
    return environ["wsgi.file_wrapper"](open(query["path"], "rb"))


def take(environ: Any, query: Any) -> Any:
    return environ["wsgi.input"].read()


def allocate(environ: Any, query: Any) -> Any:
    return str(len(bytearray(ALLOCATED_BYTES))).encode()


def wait(environ: Any, query: Any) -> Any:
    """Return when the test has opened and closed the FIFO."""
    with open(query["fifo"], "rb") as fifo:
        return fifo.read() + str(os.getpid()).encode()


VIEWS = {
    "/hello": hello,
    "/whole": whole,
    "/parts": parts,
    "/pause": pause,
    "/file": file,
    "/take": take,
    "/allocate": allocate,
    "/wait": wait,
}
