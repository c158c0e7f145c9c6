"""Heads to compare: valid ones, damaged at random; the same for the same seed."""

import random
from collections.abc import Iterator

HEADS = (
    b"GET /a?b=c HTTP/1.1\r\nHost: example.com:80\r\nAccept: */*\r\nX-Name: a\tb c\r\n\r\n",
    b"POST http://a/b HTTP/1.0\r\nContent-Length: 12\r\n"
    b"Connection: keep-alive, x\r\nEmpty:\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: [::1]\r\n"
    b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nCookie: a=b; c=d\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"DELETE /%41%zz HTTP/1.1\r\nHost: xn--a.b\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n",
)

#: Bytes that mean something somewhere, and some that never do.
SPECIAL = b'\r\n\t :;,="\\/?#%*@[]0159afxHT\x00\x0b\x1b\x7f\x80\xff_-.'

#: Whole lines that change what a head means.
LINES = (
    b"Content-Length: 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Host: b\r\n",
    b" folded\r\n",
    b"X : y\r\n",
    b": y\r\n",
    b"X\r\n",
)


def heads(seed: int, count: int) -> Iterator[bytes]:
    """So many heads, each damaged in one to three places."""
    source = random.Random(seed)
    for _ in range(count):
        head = bytearray(source.choice(HEADS))
        for _ in range(source.randint(1, 3)):
            _damage(head, source)
        yield bytes(head)


def _damage(head: bytearray, source: random.Random) -> None:
    at = source.randrange(len(head))
    match source.randrange(6):
        case 0:
            head[at] = source.choice(SPECIAL)
        case 1:
            head.insert(at, source.choice(SPECIAL))
        case 2:
            del head[at : at + source.randint(1, 3)]
            if not head:
                head.extend(b"\r\n")
        case 3:
            head[at:at] = head[at : at + source.randint(1, 20)]
        case 4:
            head[at] ^= 1 << source.randrange(8)
        case _:
            line_ends = [i + 2 for i in range(len(head) - 1) if head[i : i + 2] == b"\r\n"]
            place = source.choice(line_ends or [0])
            head[place:place] = source.choice(LINES)
