"""Requests as the reports of vulnerabilities describe them, by the id of the report; no checks.

Behind each stands a whole request that must never be run: HIDDEN is where a server with the
vulnerability begins to read anew.
"""

from collections.abc import Mapping

HOST = b"Host: a.test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
# A whole chunked body, for requests that a careless server takes for chunked.
NO_CHUNKS = b"0\r\n\r\n"


def hidden(key: str) -> bytes:
    """The request that must not be run: the view writes into the journal of `key`."""
    return b"GET /ignore-body?key=%s HTTP/1.1\r\n%s\r\n" % (key.encode(), HOST)


def post(fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """A request for a view that reads its body, with these lines of fields as they are."""
    return b"POST /plan?plan=read " + version + b"\r\n" + HOST + fields + b"\r\n" + body


# id: what a server with the vulnerability takes for whole, in one or more ways. Each must be
# refused with 400, or 501 where the coding is well-formed and not known (RFC 9112 section 6.1).
SMUGGLING: Mapping[str, list[bytes]] = {
    "gunicorn 19.10.0, 20.0.1": [
        post(b"Content-Length: 5\r\n" + CHUNKED, NO_CHUNKS),
        post(CHUNKED + b"Content-Length: 5\r\n", NO_CHUNKS),
    ],
    "CVE-2024-1135": [
        post(b"Transfer-Encoding: chunked, identity\r\n", NO_CHUNKS),
        post(CHUNKED + b"Transfer-Encoding: identity\r\n", NO_CHUNKS),
        post(CHUNKED + b"Transfer-Encoding: gzip\r\n", NO_CHUNKS),
    ],
    "CVE-2024-6827": [
        post(b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: xchunked\r\n"),
    ],
    "gunicorn 25.3.0": [
        post(b"Content-Length: 0\r\nContent-Length: 5\r\n"),
        post(b"Content-Length: 5\r\n" + CHUNKED, NO_CHUNKS),
        post(CHUNKED, NO_CHUNKS, b"HTTP/1.0"),
        post(CHUNKED, b"1;a\rb\r\nx\r\n" + NO_CHUNKS),
    ],
    "CVE-2019-16785": [
        post(b"X: a\nContent-Length: 0\r\n"),
        b"GET / HTTP/1.1\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\n\n",
    ],
    "CVE-2019-16786": [
        post(b"Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: chunked;x\r\nContent-Length: 5\r\n", NO_CHUNKS),
    ],
    "CVE-2019-16789": [
        post(b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: chunked\x0c\r\n", NO_CHUNKS),
        post(b"Content-Length: \xa05\r\n", b"01234"),
    ],
    "CVE-2019-16792": [
        post(b"Content-Length: 10\r\nContent-Length: 0\r\n"),
        post(b"Content-Length: 5, 0\r\n"),
    ],
    "CVE-2022-24761": [
        post(b"Content-Length: +5\r\n", b"01234"),
        post(b"Content-Length: 0_5\r\n", b"01234"),
        post(b"Content-Length: 0x5\r\n", b"01234"),
        post(CHUNKED, b"+5\r\n01234\r\n" + NO_CHUNKS),
        post(CHUNKED, b"0x5\r\n01234\r\n" + NO_CHUNKS),
        post(CHUNKED, b"5;a\0\r\n01234\r\n" + NO_CHUNKS),
    ],
    "CVE-2024-49768": [
        b"GET / HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n",
        post(b"Content-Length: -1\r\n"),
    ],
    "cherrypy/cheroot#275": [
        post(b"Content-Length: 1\r\nContent-Length: 0\r\n"),
        post(CHUNKED + b"Content-Length: 1\r\n", NO_CHUNKS),
    ],
    "cherrypy/cheroot#737": [post(b"Content-Length: 1\r\nContent-Length: 0\r\n")],
    "CVE-2025-43859": [
        post(CHUNKED, b"5\r\n01234XX0\r\n\r\n"),
        post(CHUNKED, b"5\r\n01234\r0\r\n\r\n"),
        post(CHUNKED, b"5\r\n01234\n\n0\r\n\r\n"),
    ],
    "CVE-2021-21299": [
        post(CHUNKED + b"Transfer-Encoding: identity\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: gzip\r\n" + CHUNKED, NO_CHUNKS),
        post(CHUNKED + CHUNKED, NO_CHUNKS),
    ],
    "CVE-2021-32714": [
        post(CHUNKED, b"10000000000000005\r\n01234\r\n" + NO_CHUNKS),
        post(CHUNKED, b"f0000000000000003\r\nabc\r\n" + NO_CHUNKS),
    ],
    "CVE-2021-32715": [post(b"Content-Length: +0\r\n"), post(b"Content-Length: +5\r\n", b"01234")],
    "CVE-2019-15605": [
        post(b"Transfer-Encoding: chunked eee\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: chunked, eee\r\nContent-Length: 5\r\n", NO_CHUNKS),
    ],
    "CVE-2020-8201": [
        post(b"Content\rLength: 5\r\n", b"01234"),
        post(b"Transfer\rEncoding: chunked\r\n", NO_CHUNKS),
    ],
    "CVE-2020-8287": [
        post(CHUNKED + b"Transfer-Encoding: eee\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: eee\r\n" + CHUNKED, NO_CHUNKS),
    ],
    "CVE-2021-22959": [
        post(b"Content-Length : 5\r\n", b"01234"),
        post(b"Transfer-Encoding : chunked\r\n", NO_CHUNKS),
    ],
    "CVE-2021-22960": [
        post(CHUNKED, b"1 \nxx\r\nx\r\n" + NO_CHUNKS),
        post(CHUNKED, b"1;\nxx\r\nx\r\n" + NO_CHUNKS),
    ],
    "CVE-2022-32213": [
        post(b"Transfer-Encoding: chunkedchunked\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: identitychunked\r\nContent-Length: 5\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding: chunked\r\n abc\r\n", NO_CHUNKS),
    ],
    "CVE-2022-32214": [
        post(b"X: a\rContent-Length: 0\r\n"),
        post(b"X: a\nTransfer-Encoding: chunked\r\n", NO_CHUNKS),
    ],
    "CVE-2022-32215": [
        post(b"Transfer-Encoding: chunked,\r\n identity\r\n", NO_CHUNKS),
        post(b"Transfer-Encoding:\r\n\tchunked\r\n", NO_CHUNKS),
    ],
    "CVE-2022-35256": [
        post(b"X:\nTransfer-Encoding: chunked\r\n", NO_CHUNKS),
        post(b"X:\rTransfer-Encoding: chunked\r\n", NO_CHUNKS),
    ],
    "CVE-2023-30589": [post(b"X-Abc: \rxTransfer-Encoding: chunked\r\n", NO_CHUNKS)],
    "CVE-2024-27982": [
        post(b" Content-Length: 5\r\n", b"01234"),
        b"POST / HTTP/1.1\r\n Content-Length: 5\r\n" + HOST + b"\r\n01234",
    ],
    "CVE-2025-23167": [b"GET / HTTP/1.1\r\n" + HOST + b"\rX"],
}

# Beyond any field that a client has a reason to send, within the limit of a head.
LONG = b"x" * 30_000

# id: a request that ended or wedged the process of a server with the vulnerability, and the
# status that is right. Nothing is hidden behind these.
WEDGING: Mapping[str, list[tuple[bytes, int]]] = {
    "CVE-2020-5236": [
        (post(b"X: " + LONG + b"\x10\r\n"), 400),
        (post(b"X: " + b" x" * 15_000 + b"\x10\r\n"), 400),
        (post(b"X: " + b"\t" * 30_000 + b"\x10\r\n"), 400),
    ],
    "CVE-2026-42544": [
        (
            b"GET /response/one-item HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: \x80\xff\r\n\r\n",
            200,
        )
    ],
    "CVE-2026-21710": [
        (post(b"__proto__: x\r\nContent-Length: 0\r\n"), 200),
        (post(CHUNKED, b"0\r\n__proto__: x\r\n\r\n"), 200),
    ],
}
