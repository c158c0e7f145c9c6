"""Bodies: what the app returns, how it is framed, when it is sent, and close() in all cases."""

import contextlib

import pytest

from tests.compliance.application.wrong_starts import WRONG_ITEMS
from tests.compliance.conftest import Served
from tests.serving.wire import ConnectionCut, build_request

BODIES: dict[str, bytes] = {
    "one-item": b"one item",
    "several-items": b"several",
    "a-tuple": b"tuple",
    "a-generator": b"generated",
    "indexed": b"indexed",
    "empty-list": b"",
    "empty-items": b"something",
}


@pytest.mark.parametrize("name", BODIES)
def test_every_kind_of_iterable_is_sent_whole(served: Served, name: str) -> None:
    assert BODIES[name] == served.exchange("GET", f"/response/{name}").body


@pytest.mark.parametrize("name", BODIES)
def test_the_connection_goes_on_after_every_kind(served: Served, name: str) -> None:
    """A length that is not known is no reason to close: RFC 9112 section 7.1 has chunks for it."""
    with served.wire() as wire:
        wire.exchange("GET", f"/response/{name}")
        assert wire.exchange("GET", "/response/one-item").body == b"one item"


@pytest.mark.parametrize("name", BODIES)
def test_http_1_0_gets_no_chunks(served: Served, name: str) -> None:
    """RFC 9112 section 6.1: no Transfer-Encoding for a client that may not understand it."""
    with served.wire() as wire:
        answer = wire.exchange("GET", f"/response/{name}", version="HTTP/1.0")
        assert answer.all("Transfer-Encoding") == []
        assert BODIES[name] == answer.body
        assert wire.is_closed()


def test_a_body_of_one_item_has_a_length(served: Served) -> None:
    """PEP 3333 "Handling the Content-Length Header"."""
    assert served.exchange("GET", "/response/one-item").get("Content-Length") == "8"


def test_a_generator_reaches_the_client_piece_by_piece(served: Served) -> None:
    """PEP 3333 "Buffering and Streaming": no item is held back until the next one is there."""
    with served.wire() as wire:
        wire.request("GET", f"/response/gated?key={served.key}")
        assert wire.read_head().get("Transfer-Encoding") == "chunked"
        assert wire.read_chunk() == b"first"
        served.open_gate()
        assert [wire.read_chunk(), wire.read_chunk()] == [b"second", b""]


def test_a_large_body_of_pieces_arrives_whole(served: Served) -> None:
    answer = served.exchange("GET", "/response/large?size=100000&pieces=100")
    assert len(answer.body) == 10_000_000
    assert answer.body[:8] == answer.body[100_000:100_008] == b"0000000\n"


def test_a_slow_reader_gets_a_large_body_whole(served: Served) -> None:
    """The client's window is small, and it reads nothing before the app has been asked."""
    with served.wire(receive_buffer_bytes=4096) as wire:
        wire.request("GET", f"/response/large?size=100000&pieces=100&key={served.key}")
        served.wait_for("piece")
        assert len(wire.read_response().body) == 10_000_000


def test_an_app_is_not_asked_for_more_than_the_client_takes(served: Served) -> None:
    """Back-pressure: 256 MiB are never in memory because one client does not read."""
    with served.wire(receive_buffer_bytes=4096) as wire:
        wire.request("GET", f"/response/large?size=1048576&pieces=256&key={served.key}")
        served.wait_for("piece")
        assert wire.read_head().status == 200
        assert wire.read_chunk()
        assert served.journal().count("piece") < 64
    served.wait_for("close")


# Lengths that the app promised.


def test_bytes_beyond_the_promised_length_are_not_sent(served: Served) -> None:
    """They would be read as the beginning of the next response."""
    with served.wire() as wire:
        wire.send(
            build_request(
                "GET", f"/response/pieces-with-length?pieces=3&length=15&key={served.key}"
            )
            + build_request("GET", "/response/one-item")
        )
        assert wire.read_response().body == b"012345678901234"
        try:
            assert wire.read_response().body == b"one item"
        except ConnectionCut:
            return  # closing is as safe


def test_a_body_shorter_than_promised_closes_the_connection(served: Served) -> None:
    """Else the next response would be read as the rest of this one."""
    with served.wire() as wire:
        wire.send(
            build_request("GET", "/response/with-length?bytes=5&length=15")
            + build_request("GET", "/response/one-item")
        )
        assert wire.read_head().get("Content-Length") == "15"
        assert wire.read_to_end() == b"xxxxx"


def test_close_is_called_when_the_promised_length_was_wrong(served: Served) -> None:
    served.exchange("GET", f"/response/pieces-with-length?pieces=3&length=15&key={served.key}")
    served.wait_for("close")


# Responses without a body.

HEAD_TARGETS = {
    "a list": ("/response/one-item", None),
    "a promised length": ("/response/with-length?bytes=5&length=5", "5"),
    "a generator": ("/response/a-generator", None),
    "a file": ("/response/file-response?kind=real&length=100", "100"),
}


@pytest.mark.parametrize("what", HEAD_TARGETS)
def test_head_has_the_headers_and_no_body(served: Served, what: str) -> None:
    """RFC 9110 section 9.3.2."""
    target, length = HEAD_TARGETS[what]
    with served.wire() as wire:
        wire.send(build_request("HEAD", target) + build_request("GET", "/response/late-start"))
        answer = wire.read_response("HEAD")
        assert answer.status == 200
        assert length is None or answer.get("Content-Length") == length
        assert wire.read_response().body == b"late"


@pytest.mark.parametrize("length", ["", "&length"])
@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
def test_204_and_304_have_no_body(served: Served, line: str, length: str) -> None:
    """RFC 9112 section 6.3; a 204 has no Content-Length either (RFC 9110 section 8.6)."""
    target = f"/response/status?line={line.replace(' ', '+')}&x=1{length and '&length=1'}"
    with served.wire() as wire:
        wire.send(build_request("GET", target) + build_request("GET", "/response/late-start"))
        answer = wire.read_response()
        assert line == f"{answer.status} {answer.reason}"
        assert answer.get("X-Kept") == "yes"
        assert answer.all("Transfer-Encoding") == []
        assert wire.read_response().body == b"late"


# close(), whatever happened (PEP 3333 "Specification Details").

CLOSED_AFTER = {
    "a whole body": ("GET", "/response/large?size=10&pieces=3"),
    "a body by write()": ("GET", "/response/write-only?x=1"),
    "HEAD": ("HEAD", "/response/large?size=10&pieces=3"),
    "204": ("GET", "/response/status?line=204+No+Content"),
    "304": ("GET", "/response/status?line=304+Not+Modified"),
    "an error before the first item": ("GET", "/response/raise-first?x=1"),
    "an error between items": ("GET", "/response/raise-later?x=1"),
    "an error in close itself": ("GET", "/response/raise-in-close?x=1"),
    "a file": ("GET", "/response/file-response?kind=real"),
    "HEAD for a file": ("HEAD", "/response/file-response?kind=real"),
    "HTTP/1.0": ("GET 1.0", "/response/large?size=10&pieces=3"),
}


@pytest.mark.parametrize("what", CLOSED_AFTER)
def test_close_is_called_once(served: Served, what: str) -> None:
    method, target = CLOSED_AFTER[what]
    version = "HTTP/1.0" if method.endswith("1.0") else "HTTP/1.1"
    with served.wire() as wire:
        method = method.split()[0]
        wire.request(method, f"{target}&key={served.key}", version=version)
        head = wire.read_head()
        with contextlib.suppress(ConnectionCut):
            wire.read_body(head, method)
        served.wait_for("close")
    assert served.serves()
    assert served.journal().count("close") == 1
    assert served.journal()[-1] == "close"


def test_close_is_called_when_the_client_left(served: Served) -> None:
    with served.wire() as wire:
        wire.request("GET", f"/response/endless?key={served.key}")
        assert wire.read_head().status == 200
        assert wire.read_chunk()
    served.wait_for("close")


def test_close_is_called_when_the_client_left_before_the_answer(served: Served) -> None:
    with served.wire() as wire:
        wire.request("GET", f"/response/answer-at-gate?key={served.key}")
        served.wait_for("called")
    served.open_gate()
    served.wait_for("close")


# Views that fail.


def test_an_error_of_the_app_is_500_and_in_the_output(served: Served) -> None:
    answer = served.exchange("GET", f"/response/raise-at-once?key={served.key}")
    assert answer.status == 500
    assert b"raise_at_once" not in answer.body, (
        "the traceback is for the operator, not for the visitor"
    )
    served.server.wait_for_output(f"ViewFailed: raised at once by {served.key}")
    assert served.serves()


@pytest.mark.parametrize("name", ["raise-after-start", "raise-first"])
def test_an_error_before_the_first_byte_is_a_whole_500(served: Served, name: str) -> None:
    answer = served.exchange("GET", f"/response/{name}?key={served.key}")
    assert answer.status == 500


def test_an_error_after_some_bytes_cuts_the_response(served: Served) -> None:
    with served.wire() as wire:
        wire.request("GET", f"/response/raise-later?key={served.key}")
        assert wire.read_head().status == 200
        assert wire.read_chunk() == b"some bytes"
        with pytest.raises(ConnectionCut):
            wire.read_chunk()


def test_an_error_before_the_promised_length_cuts_the_response(served: Served) -> None:
    """RFC 9112 section 8: fewer bytes than Content-Length says is how the client knows."""
    with served.wire() as wire:
        wire.send(
            build_request("GET", f"/response/raise-later-with-length?key={served.key}")
            + build_request("GET", "/response/one-item")
        )
        assert wire.read_head().get("Content-Length") == "20"
        assert wire.read_to_end() == b"some bytes"


def test_an_error_cuts_a_response_that_ends_with_the_connection(served: Served) -> None:
    """An orderly end would make the part look whole to a client of HTTP/1.0."""
    with served.wire() as wire:
        wire.request("GET", f"/response/raise-later?key={served.key}", version="HTTP/1.0")
        with pytest.raises(ConnectionCut, match="reset"):
            wire.read_response()


@pytest.mark.parametrize("what", WRONG_ITEMS)
def test_a_wrong_item_cuts_the_response(served: Served, what: str) -> None:
    with served.wire() as wire:
        wire.request("GET", f"/response/wrong-item?what={what.replace(' ', '+')}")
        assert wire.read_head().status == 200
        assert wire.read_chunk() == b"some bytes"
        with pytest.raises(ConnectionCut):
            wire.read_chunk()


@pytest.mark.parametrize("what", WRONG_ITEMS)
def test_a_wrong_body_is_an_error(served: Served, what: str) -> None:
    answer = served.exchange("GET", f"/response/wrong-body?what={what.replace(' ', '+')}")
    assert answer.status == 500


def test_fields_of_the_connection_are_the_servers(served: Served) -> None:
    """PEP 3333 "Other HTTP Features"; the framing stays as the server knows it."""
    with served.wire() as wire:
        answer = wire.exchange("GET", "/response/hop-by-hop")
        assert (answer.status, answer.body) == (200, b"alone")
        names = {name.lower() for name, _ in answer.headers}
        assert not names & {"keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
        assert wire.exchange("GET", "/response/one-item").body == b"one item"


def test_an_error_in_close_does_not_hurt_the_response(served: Served) -> None:
    answer = served.exchange("GET", f"/response/raise-in-close?key={served.key}")
    assert (answer.status, answer.body) == (200, b"whole")
    served.server.wait_for_output("ViewFailed: raised in close")


def test_text_in_the_place_of_bytes_is_an_error(served: Served) -> None:
    assert served.exchange("GET", "/response/text-item").status == 500


def test_a_view_that_exits_does_not_take_the_server_along(served: Served) -> None:
    with served.wire() as wire:
        wire.request("GET", "/response/exit-process")
        assert wire.read_head().status == 500
    assert all(served.serves() for _ in range(8))
