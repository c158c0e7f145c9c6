"""Connections: keep-alive, pipelining, Expect, unread bodies, clients that leave (RFC 9112)."""

import socket

import pytest

from tests.compliance.conftest import Served
from tests.serving.wire import ConnectionCut, Wire, build_request, chunked

PLAIN = "/response/one-item"


def assert_goes_on(wire: Wire) -> None:
    assert wire.exchange("GET", "/response/late-start").body == b"late"


def test_http_1_1_keeps_the_connection(served: Served) -> None:
    with served.wire() as wire:
        for _ in range(5):
            answer = wire.exchange("GET", PLAIN)
            assert (answer.version, answer.says_close) == ("HTTP/1.1", False)


@pytest.mark.parametrize("value", ["close", "Close", "foo, close", "close,foo"])
def test_a_client_that_asks_for_the_end_gets_it(served: Served, value: str) -> None:
    with served.wire() as wire:
        answer = wire.exchange("GET", PLAIN, [("Connection", value)])
        assert (answer.body, answer.says_close) == (b"one item", True)
        assert wire.is_closed()


def test_http_1_0_ends_the_connection(served: Served) -> None:
    with served.wire() as wire:
        assert wire.exchange("GET", PLAIN, version="HTTP/1.0").body == b"one item"
        assert wire.is_closed()


def test_http_1_0_may_ask_to_keep_the_connection(served: Served) -> None:
    """RFC 9112 section 9.3: the answer says so, too."""
    with served.wire() as wire:
        for _ in range(3):
            answer = wire.exchange("GET", PLAIN, [("Connection", "keep-alive")], version="HTTP/1.0")
            assert answer.body == b"one item"
            assert answer.all("Connection")[0].lower() == "keep-alive"


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    """RFC 9112 section 9.3.2."""
    requests = []
    for number in range(20):
        requests += [
            build_request("POST", "/plan?plan=read", body=str(number).encode()),
            build_request("GET", "/response/late-start"),
            build_request("HEAD", PLAIN),
            build_request(
                "POST",
                "/plan?plan=read",
                [("Transfer-Encoding", "chunked")],
                chunked([b"chunk ", str(number).encode()]),
            ),
        ]
    with served.wire() as wire:
        wire.send(b"".join(requests))
        for number in range(20):
            assert wire.read_response().body == f'["{number}"]'.encode()
            assert wire.read_response().body == b"late"
            assert wire.read_response("HEAD").status == 200
            assert wire.read_response().body == f'["chunk {number}"]'.encode()


def test_a_request_may_come_byte_by_byte(served: Served) -> None:
    request = build_request("POST", "/plan?plan=read", [("X-Name", "value")], b"body")
    with served.wire() as wire:
        for position in range(len(request)):
            wire.send(request[position : position + 1])
        assert wire.read_response().body == b'["body"]'


def test_an_empty_line_before_a_request_is_ignored(served: Served) -> None:
    """RFC 9112 section 2.2."""
    with served.wire() as wire:
        wire.send(b"\r\n" + build_request("GET", PLAIN))
        assert wire.read_response().body == b"one item"


def test_a_client_that_only_closed_its_sending_side_gets_its_answer(served: Served) -> None:
    with served.wire() as wire:
        wire.request("GET", PLAIN)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read_response().body == b"one item"
        assert wire.is_closed()


# Expect: 100-continue (RFC 9110 section 10.1.1).

EXPECT = ("Expect", "100-continue")


def test_continue_is_sent_when_the_app_reads_and_not_before(served: Served) -> None:
    with served.wire() as wire:
        wire.send(
            build_request(
                "POST", f"/read-at-gate?key={served.key}", [EXPECT, ("Content-Length", "4")]
            )
        )
        served.wait_for("called")
        assert not wire.has_byte_waiting()
        served.open_gate()
        assert wire.read_head().status == 100
        wire.send(b"body")
        answer = wire.read_response()
        assert (answer.status, answer.body[:2]) == (200, b"[4")
        assert_goes_on(wire)


def test_continue_is_sent_for_a_chunked_body(served: Served) -> None:
    with served.wire() as wire:
        wire.send(
            build_request("POST", "/plan?plan=read", [EXPECT, ("Transfer-Encoding", "chunked")])
        )
        assert wire.read_head().status == 100
        wire.send(chunked([b"after ", b"continue"]))
        assert wire.read_response().body == b'["after continue"]'


def test_an_app_that_does_not_read_answers_without_continue(served: Served) -> None:
    """The client then does not send the body."""
    with served.wire() as wire:
        wire.send(build_request("POST", "/ignore-body", [EXPECT, ("Content-Length", "4")]))
        answer = wire.read_response()
        assert (answer.status, answer.interim) == (200, [])
        if answer.says_close:
            assert wire.is_closed()


def test_a_body_that_comes_without_waiting_needs_no_continue(served: Served) -> None:
    with served.wire() as wire:
        answer = wire.exchange("POST", "/plan?plan=read", [EXPECT], b"at once")
        assert answer.body == b'["at once"]'
        assert_goes_on(wire)


def test_http_1_0_gets_no_continue(served: Served) -> None:
    """A 1.0 client does not know interim responses; the expectation MUST be ignored."""
    with served.wire() as wire:
        wire.request("POST", "/plan?plan=read", [EXPECT], b"body", version="HTTP/1.0")
        assert wire.read_head().status == 200


# Bodies that the app does not read: they are never taken for a request (RFC 9112 section 9.3).


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("size", [50, 10_000, 4 * 1024 * 1024])
def test_an_unread_body_is_no_request(served: Served, size: int, framing: str) -> None:
    smuggled = build_request("GET", f"/ignore-body?key={served.key}")
    body = (smuggled * (size // len(smuggled) + 1))[:size]
    headers = [("Transfer-Encoding", "chunked")] if framing == "chunked" else []
    with served.wire() as wire:
        try:
            wire.request(
                "POST", "/ignore-body", headers, chunked([body]) if framing == "chunked" else body
            )
        except ConnectionError:
            assert size > 100_000, "a small body is worth keeping the connection"
        answer = wire.read_response()
        assert answer.body == b'"not read"'
        try:
            assert_goes_on(wire)
        except (ConnectionCut, ConnectionError):
            assert size > 100_000 or answer.says_close, "the connection ended without a warning"
    assert served.journal() == []


# Requests that cannot be trusted.

REFUSED: dict[str, bytes] = {
    # RFC 9112 section 3.2
    "no host": build_request("GET", PLAIN, host=None),
    "two hosts": build_request("GET", PLAIN, [("Host", "a.test"), ("Host", "b.test")]),
    # RFC 9112 sections 6.1 and 6.3
    "a length and a coding": build_request(
        "POST",
        PLAIN,
        [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        chunked([b"body"]),
    ),
    "two lengths": build_request(
        "POST", PLAIN, [("Content-Length", "4"), ("Content-Length", "5")], b"body!"
    ),
    "a length that is no number": build_request("POST", PLAIN, [("Content-Length", "+4")], b"body"),
    # RFC 9112 section 5.1
    "a space before the colon": build_request("GET", PLAIN, [("X-Name ", "value")]),
    "a header line without a colon": b"GET / HTTP/1.1\r\nHost: a.test\r\nno colon\r\n\r\n",
    # RFC 9112 sections 2.3 and 3
    "no version": b"GET /\r\nHost: a.test\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_cannot_be_trusted_is_refused_and_ends_the_connection(
    served: Served, what: str
) -> None:
    with served.wire() as wire:
        wire.send(REFUSED[what])
        answer = wire.read_response()
        assert answer.status == 400
        assert wire.is_closed()
    assert served.serves()


# Clients that leave.

LEAVING: dict[str, bytes] = {
    "without a word": b"",
    "in the request line": b"GET /resp",
    "in the header fields": b"GET / HTTP/1.1\r\nHost: a.te",
    "in the body": build_request("POST", "/plan?plan=read", [("Content-Length", "10")]) + b"only",
    "before the answer": build_request("GET", PLAIN),
    "before a large answer": build_request("GET", "/response/large?size=1000000&pieces=20"),
}


@pytest.mark.parametrize("reset", [False, True], ids=["closing", "resetting"])
@pytest.mark.parametrize("when", LEAVING)
def test_a_client_may_leave_at_any_time(served: Served, when: str, reset: bool) -> None:
    for _ in range(10):
        with served.wire() as wire:
            wire.send(LEAVING[when])
            if reset:
                # socket(7): with a linger time of 0, closing sends RST.
                linger = b"\1\0\0\0\0\0\0\0"
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert all(served.serves() for _ in range(3))


# Several at once.


def test_views_that_wait_do_not_stop_each_other(served: Served) -> None:
    """One worker, threads as they are by default: four requests meet inside the app."""
    wires = [served.wire() for _ in range(4)]
    try:
        for wire in wires:
            wire.request("GET", "/meet?count=4")
        assert {wire.read_response().body for wire in wires} == {b"all here"}
    finally:
        for wire in wires:
            wire.socket.close()


def test_a_half_sent_request_stops_nobody(served: Served) -> None:
    wires = [served.wire() for _ in range(20)]
    try:
        for wire in wires:
            wire.send(b"GET /response/one-item HTTP/1.1\r\nHost:")
        assert served.serves()
        for wire in wires:
            wire.send(b" a.test\r\n\r\n")
            assert wire.read_response().body == b"one item"
    finally:
        for wire in wires:
            wire.socket.close()


# Upgrades that the app takes over.


def upgrade(served: Served, wire: Wire, more: bytes = b"") -> None:
    wire.send(
        build_request(
            "GET",
            f"/response/take-over?key={served.key}",
            [("Connection", "Upgrade"), ("Upgrade", "echo")],
        )
        + more
    )


def test_an_app_may_take_an_upgraded_connection_over(served: Served) -> None:
    """Flask-Sock and Flask-SocketIO find the socket under `werkzeug.socket`."""
    with served.wire() as wire:
        upgrade(served, wire)
        assert wire.read_head().status == 101
        wire.send(b"hello\n")
        assert wire.read_exactly(11) == b"echo hello\n"
        wire.send(b"bye\n")
        assert wire.read_exactly(9) == b"echo bye\n"
        assert wire.is_closed(), "nothing of the server's own follows"
    served.wait_for("left")
    assert served.serves()


def test_the_client_may_end_an_upgraded_connection(served: Served) -> None:
    with served.wire() as wire:
        upgrade(served, wire)
        assert wire.read_head().status == 101
    served.wait_for("left")
    assert served.serves()


def test_a_plain_request_has_no_socket(served: Served) -> None:
    environ = served.environ()
    assert not {"werkzeug.socket", "gunicorn.socket"} & environ.keys()


def test_an_upgrade_that_the_app_ignores_is_an_ordinary_request(served: Served) -> None:
    """RFC 9110 section 7.8: a server may ignore Upgrade."""
    with served.wire() as wire:
        answer = wire.exchange("GET", PLAIN, [("Connection", "Upgrade"), ("Upgrade", "h2c")])
        assert answer.body == b"one item"
        if not answer.says_close:
            assert_goes_on(wire)


def test_a_cut_response_is_noticed_by_this_client(served: Served) -> None:
    """The tests above rely on it."""
    with served.wire() as wire, pytest.raises(ConnectionCut):
        wire.exchange("GET", f"/response/raise-later?key={served.key}")
