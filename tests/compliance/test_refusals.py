"""What a client and an operator are told when the engine itself refuses a request (Trivet only)."""

import socket
import threading

import pytest

from tests.compliance.conftest import APPLICATION
from tests.conftest import REPOSITORY, StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire, build_request, chunked

# The beginning of a ClientHello: record of type handshake, version 3.1 (RFC 8446 section 5.1).
CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(100)
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture
def server(start_server: StartServer) -> ServerProcess:
    return start_server("trivet", APPLICATION, REPOSITORY)


@pytest.mark.parametrize(
    ("sent", "status", "event"),
    [(CLIENT_HELLO, 400, "tls-on-plain-port"), (HTTP2_PREFACE, 505, "http2-preface")],
    ids=["TLS", "HTTP/2"],
)
def test_another_protocol_is_named_in_the_log_once(
    server: ServerProcess, sent: bytes, status: int, event: str
) -> None:
    for _ in range(3):
        with Wire(server.address) as wire:
            wire.send(sent)
            assert wire.read_response().status == status
            assert wire.is_closed()
    server.wait_for_output(f"warning {event}")
    assert server.stop() == 0
    assert server.output.count(f"warning {event}") == 1


@pytest.mark.parametrize(
    "fields", [b"", b"Host: a b\r\n", b"Host: a\r\nX : y\r\n"], ids=["no host", "bad", "colon"]
)
def test_a_refused_head_request_gets_no_content(server: ServerProcess, fields: bytes) -> None:
    """RFC 9110 section 9.3.2."""
    with Wire(server.address) as wire:
        wire.send(b"HEAD / HTTP/1.1\r\n" + fields + b"\r\n")
        answer = wire.read_head()
        assert (answer.status, answer.says_close) == (400, True)
        assert wire.read_to_end() == b""


def test_a_refusal_says_what_is_wrong_in_one_line(server: ServerProcess) -> None:
    with Wire(server.address) as wire:
        wire.send(b"GET / HTTP/1.1\r\n\r\n")
        answer = wire.read_response()
    assert answer.get("Content-Type") == "text/plain; charset=utf-8"
    assert answer.body == b"An HTTP/1.1 request must have a Host field.\n"


@pytest.mark.parametrize("chunks", [False, True], ids=["content-length", "chunked"])
def test_a_body_that_ends_while_the_app_reads_it_is_refused(
    server: ServerProcess, chunks: bool
) -> None:
    """RFC 9112 section 8; the body is too large to be read before the application is called."""
    framing = b"Transfer-Encoding: chunked" if chunks else b"Content-Length: 100000"
    body = b"ea60\r\n" * chunks + b"x" * 60_000 + b"\r\n" * chunks
    with Wire(server.address) as wire:
        wire.send(b"POST /plan?plan=read HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + body)
        wire.socket.shutdown(socket.SHUT_WR)
        answer = wire.read_response()
        assert (answer.status, answer.says_close) == (400, True)
        assert answer.body == b"The client stopped sending before the end of the body.\n"


@pytest.mark.parametrize("chunks", [False, True], ids=["content-length", "chunked"])
def test_a_body_beside_an_offer_that_nobody_takes_up_is_read(
    server: ServerProcess, chunks: bool
) -> None:
    """RFC 9110 section 7.8: Upgrade changes nothing about the request that carries it."""
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    if chunks:
        fields.append(("Transfer-Encoding", "chunked"))
    body = chunked([b"he", b"llo"]) if chunks else b"hello"
    with Wire(server.address) as wire:
        wire.send(build_request("POST", "/plan?plan=read", fields, body))
        wire.send(build_request("GET", "/response/one-item"))
        assert wire.read_response().body == b'["hello"]'
        assert wire.read_response().body == b"one item"


def test_a_broken_chunk_after_continue_is_refused(server: ServerProcess) -> None:
    fields = [("Expect", "100-continue"), ("Transfer-Encoding", "chunked")]
    with Wire(server.address) as wire:
        wire.send(build_request("POST", "/plan?plan=read", fields))
        assert wire.read_head().status == 100
        wire.send(b"zz\r\n" + build_request("GET", "/response/one-item"))
        assert wire.read_response().status == 400
        assert wire.is_closed()


def test_ten_thousand_pipelined_requests_are_answered_in_order(server: ServerProcess) -> None:
    """RFC 9112 section 9.3.2."""
    count = 10_000
    plain = build_request("GET", "/response/one-item")
    last = build_request("GET", "/response/late-start")
    with Wire(server.address) as wire:
        sender = threading.Thread(target=wire.send, args=((plain * 9 + last) * (count // 10),))
        sender.start()
        for number in range(count):
            assert wire.read_response().status == (201 if number % 10 == 9 else 200)
        sender.join()
