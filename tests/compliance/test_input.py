"""wsgi.input: PEP 3333 "Input and Error Streams", over both framings of RFC 9112 section 6."""

import hashlib
import json
import socket
from collections.abc import Callable

import pytest

from tests.compliance.conftest import Served
from tests.serving.wire import Wire, build_request, chunked

LINES = b"l1\nl2\nl3\n"


def send_with_length(wire: Wire, target: str, body: bytes) -> None:
    wire.send(build_request("POST", target, body=body))


def send_chunked(wire: Wire, target: str, body: bytes) -> None:
    """Chunks of 4 bytes: no line is in one chunk."""
    pieces = [body[start : start + 4] for start in range(0, len(body), 4)]
    wire.send(build_request("POST", target, [("Transfer-Encoding", "chunked")], chunked(pieces)))


def send_chunked_byte_by_byte(wire: Wire, target: str, body: bytes) -> None:
    data = build_request(
        "POST", target, [("Transfer-Encoding", "chunked")], chunked([body[:3], body[3:]])
    )
    for position in range(len(data)):
        wire.send(data[position : position + 1])


def send_head_first(wire: Wire, target: str, body: bytes) -> None:
    """The head in one packet, the body in others."""
    head = build_request("POST", target, [("Content-Length", str(len(body)))])
    wire.send(head)
    wire.send(body[:5])
    wire.send(body[5:])


FRAMINGS: dict[str, Callable[[Wire, str, bytes], None]] = {
    "content-length": send_with_length,
    "content-length, head first": send_head_first,
    "chunked": send_chunked,
    "chunked, byte by byte": send_chunked_byte_by_byte,
}

# Steps on wsgi.input with the body LINES, and what each must give.
PLANS: dict[str, list[object]] = {
    "read": ["l1\nl2\nl3\n"],
    "read -1": ["l1\nl2\nl3\n"],
    "none": ["l1\nl2\nl3\n"],
    "read 0": [""],
    "read 4,read 4,read 4,read 4": ["l1\nl", "2\nl3", "\n", ""],
    "read 100": ["l1\nl2\nl3\n"],
    "read 9,read": ["l1\nl2\nl3\n", ""],
    "read,read,read 5,readline,readlines,iterate": ["l1\nl2\nl3\n", "", "", "", [], []],
    "readline,readline,readline,readline": ["l1\n", "l2\n", "l3\n", ""],
    "readline 2,readline 2,readline 2": ["l1", "\n", "l2"],
    "readline 100": ["l1\n"],
    "readline -1": ["l1\n"],
    "readline 0,readline": ["", "l1\n"],
    "readlines": [["l1\n", "l2\n", "l3\n"]],
    "readlines 4,readlines": [["l1\n", "l2\n"], ["l3\n"]],
    "iterate": [["l1\n", "l2\n", "l3\n"]],
    "next,next,read": ["l1\n", "l2\n", "l3\n"],
    "read 1,readline,readlines": ["l", "1\n", ["l2\n", "l3\n"]],
    "readline,read 2,read": ["l1\n", "l2", "\nl3\n"],
}


def plan_target(plan: str) -> str:
    return f"/plan?plan={plan.replace(' ', '+')}"


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("plan", PLANS)
def test_reading_in_any_way_gives_the_right_bytes(served: Served, plan: str, framing: str) -> None:
    with served.wire() as wire:
        FRAMINGS[framing](wire, plan_target(plan), LINES)
        answer = wire.read_response()
    assert answer.status == 200, answer
    assert PLANS[plan] == json.loads(answer.body)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_last_line_without_an_end_is_a_line(served: Served, framing: str) -> None:
    with served.wire() as wire:
        FRAMINGS[framing](wire, plan_target("readline,readline,readline"), b"one\n\xff\xfe two")
        assert json.loads(wire.read_response().body) == ["one\n", "\xff\xfe two", ""]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_a_body_reads_as_empty(served: Served, method: str) -> None:
    answer = served.exchange(method, plan_target("read,read 10,readline,readlines,iterate"))
    assert json.loads(answer.body) == ["", "", "", [], []]


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("size", [1000, 65536, 1024 * 1024])
def test_a_large_body_arrives_whole(served: Served, framing: str, size: int) -> None:
    body = b"".join(b"%09d\n" % number for number in range(400_000))
    headers = [("Content-Length", str(len(body)))]
    if framing == "chunked":
        headers = [("Transfer-Encoding", "chunked")]
    with served.wire() as wire:
        wire.send(build_request("POST", f"/digest?size={size}", headers))
        wire.send(body if framing == "content-length" else chunked([body[:70_001], body[70_001:]]))
        answer = wire.read_response()
    assert json.loads(answer.body) == [len(body), hashlib.sha256(body).hexdigest()]


@pytest.mark.parametrize(
    ("line_bytes", "lines"), [(10, 100_000), (1024 * 1024, 3)], ids=["many", "long"]
)
def test_iterating_gives_each_line(served: Served, line_bytes: int, lines: int) -> None:
    body = (b"x" * (line_bytes - 1) + b"\n") * lines
    answer = served.exchange("POST", "/digest-lines", body=body)
    assert json.loads(answer.body) == [lines, len(body), hashlib.sha256(body).hexdigest()]


def test_input_ends_where_the_next_request_begins(served: Served) -> None:
    """PEP 3333: the server simulates an end of file at Content-Length."""
    with served.wire() as wire:
        first = build_request("POST", plan_target("read"), body=b"of the first")
        second = build_request("POST", plan_target("read 1000"), body=b"of the second")
        wire.send(first + second)
        assert json.loads(wire.read_response().body) == ["of the first"]
        assert json.loads(wire.read_response().body) == ["of the second"]


def test_trailers_are_read_and_the_connection_goes_on(served: Served) -> None:
    """RFC 9112 section 7.1.2."""
    body = chunked([b"with ", b"trailers"], trailers=[("X-Checksum", "1"), ("X-More", "2")])
    with served.wire() as wire:
        answer = wire.exchange(
            "POST", plan_target("read"), [("Transfer-Encoding", "chunked")], body
        )
        assert json.loads(answer.body) == ["with trailers"]
        assert wire.exchange("GET", "/response/one-item").body == b"one item"


def test_chunk_extensions_are_not_part_of_the_body(served: Served) -> None:
    """RFC 9112 section 7.1.1."""
    body = b'5;name=value;other="a b"\r\nhello\r\n0;last\r\n\r\n'
    answer = served.exchange("POST", plan_target("read"), [("Transfer-Encoding", "chunked")], body)
    assert json.loads(answer.body) == ["hello"]


# In time.


# A server may read a little ahead before it calls the app; these bodies are larger than that.
FIRST_PART, REST = b"f" * 100_000, b"r" * 100_000


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_the_app_reads_before_all_has_been_sent(served: Served, framing: str) -> None:
    target = f"/first-part?key={served.key}&size={len(FIRST_PART)}"
    with served.wire() as wire:
        if framing == "chunked":
            wire.send(build_request("POST", target, [("Transfer-Encoding", "chunked")]))
            wire.send(b"%x\r\n%s\r\n" % (len(FIRST_PART), FIRST_PART))
        else:
            length = ("Content-Length", str(len(FIRST_PART) + len(REST)))
            wire.send(build_request("POST", target, [length]) + FIRST_PART)
        assert served.wait_for("first") == [f"first {len(FIRST_PART)}"]
        wire.send(chunked([REST]) if framing == "chunked" else REST)
        assert json.loads(wire.read_response().body) == [FIRST_PART.decode(), REST.decode()]


def test_a_body_that_nobody_reads_is_not_taken_from_the_network(served: Served) -> None:
    """Back-pressure: the sender must stop, long before this body is in the server's memory."""
    total_bytes, bound_bytes = 64 * 1024 * 1024, 24 * 1024 * 1024
    with served.wire() as wire:
        wire.send(
            build_request(
                "POST", f"/read-at-gate?key={served.key}", [("Content-Length", str(total_bytes))]
            )
        )
        sent = send_until_blocked(wire.socket, bound_bytes)
        served.wait_for("called")
        assert sent < bound_bytes, "the server took it all while the app read nothing"
        served.open_gate()
        wire.socket.settimeout(15)
        piece = b"\0" * (1024 * 1024)
        while sent < total_bytes:
            step = piece[: total_bytes - sent]
            wire.send(step)
            sent += len(step)
        assert json.loads(wire.read_response().body)[0] == total_bytes


def send_until_blocked(connection: socket.socket, limit_bytes: int) -> int:
    """Send until nothing is taken for half a second, or up to the limit; return the bytes sent."""
    sent = 0
    connection.settimeout(0.5)
    try:
        while sent < limit_bytes:
            sent += connection.send(b"\0" * 65536)
    except TimeoutError:
        pass
    return sent


# Bodies that break off or are wrong: the app must never take a part for the whole.

CUT_BODIES: dict[str, tuple[tuple[str, str], bytes, bytes]] = {
    # how: the framing, what comes before the part, what comes after it
    "content-length": (("Content-Length", "1000000"), b"", b""),
    "chunked, in a chunk": (("Transfer-Encoding", "chunked"), b"f4240\r\n", b""),
    "chunked, before the last chunk": (("Transfer-Encoding", "chunked"), b"186a0\r\n", b"\r\n"),
}


@pytest.mark.parametrize("how", CUT_BODIES)
def test_the_app_learns_that_a_body_was_cut(served: Served, how: str) -> None:
    """RFC 9112 section 8: such a message is incomplete. Reading raises OSError; it does not end."""
    framing, before, after = CUT_BODIES[how]
    with served.wire() as wire:
        wire.send(build_request("POST", f"/read-to-the-end?key={served.key}", [framing]))
        wire.send(before + FIRST_PART + after)
        served.wait_for("reading")
    entries = served.wait_for("raised")
    assert not [entry for entry in entries if entry.startswith("whole")]


@pytest.mark.parametrize("how", CUT_BODIES)
def test_a_small_body_that_was_cut_is_no_whole_one(served: Served, how: str) -> None:
    """So small that it may be read before the app is called; then the app need not be called."""
    framing, before, after = CUT_BODIES[how]
    part = b"only" if "in a chunk" in how or not before else b"4\r\nonly"
    before = b"" if "before the last" in how else before
    with served.wire() as wire:
        wire.send(build_request("POST", f"/read-to-the-end?key={served.key}", [framing]))
        wire.send(before + part + after)
        wire.socket.shutdown(socket.SHUT_WR)
        answer = wire.read_to_end()  # what a server says, if anything, is no answer of the app
    assert not answer or 400 <= int(answer.split(b" ")[1]) <= 499
    assert not [entry for entry in served.journal() if entry.startswith("whole")]


BAD_CHUNKS: dict[str, bytes] = {
    "a size that is no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a size with a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": b"3\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("what", BAD_CHUNKS)
def test_a_wrong_chunk_is_refused_and_not_taken_for_the_end(served: Served, what: str) -> None:
    """RFC 9112 section 7.1: the message is invalid; nothing after it can be trusted."""
    with served.wire() as wire:
        wire.send(
            build_request(
                "POST",
                f"/read-to-the-end?key={served.key}",
                [("Transfer-Encoding", "chunked")],
                BAD_CHUNKS[what],
            )
        )
        assert wire.read_response().status == 400
        assert wire.is_closed()
    assert not [entry for entry in served.journal() if entry.startswith("whole")]


def test_input_kept_from_an_earlier_request_gives_nothing_of_the_next(served: Served) -> None:
    target = f"/keep-input?key={served.key}"
    with served.wire() as wire:
        assert json.loads(wire.exchange("POST", target, body=b"first").body) == "kept"
        late, own = json.loads(wire.exchange("POST", target, body=b"second").body)
    assert own == "second"
    assert late in ("", "first", "OSError", "ValueError")
