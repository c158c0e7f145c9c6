"""start_response() and write(), as PEP 3333 has a section for each."""

import pytest

from tests.compliance.application.wrong_starts import WRONG_STARTS
from tests.compliance.conftest import Served
from tests.serving.wire import ConnectionCut


def test_status_and_headers_arrive_as_given(served: Served) -> None:
    answer = served.exchange("GET", "/response/with-headers")
    assert (answer.status, answer.reason) == (200, "OK")
    assert answer.all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    assert answer.get("X-Latin") == "caf\xe9"
    assert answer.get("X-Empty") == ""


def test_a_date_and_a_server_of_the_app_stay_alone(served: Served) -> None:
    answer = served.exchange("GET", "/response/with-headers")
    assert answer.all("Date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]
    assert answer.all("Server") == ["the app"]


def test_the_server_adds_a_date(served: Served) -> None:
    """RFC 9110 section 6.6.1."""
    date = served.exchange("GET", "/response/one-item").get("Date")
    assert date is not None
    assert date.endswith(" GMT")


@pytest.mark.parametrize(
    "line", ["200 OK", "299 A Reason Of My Own", "404 Not Found", "599 Caf\xe9"]
)
def test_any_status_line_arrives(served: Served, line: str) -> None:
    quoted = line.replace(" ", "+").replace("\xe9", "%C3%A9")
    answer = served.exchange("GET", f"/response/status?line={quoted}")
    assert line == f"{answer.status} {answer.reason}"
    assert answer.body == b"body"


def test_start_response_may_be_called_with_the_first_item(served: Served) -> None:
    answer = served.exchange("GET", "/response/late-start")
    assert (answer.status, answer.reason, answer.body) == (201, "Late", b"late")


def test_an_app_that_never_starts_a_response_is_an_error(served: Served) -> None:
    answer = served.exchange("GET", f"/response/never-started?key={served.key}")
    assert answer.status == 500
    assert b"no status" not in answer.body
    served.wait_for("close")


def test_starting_twice_is_refused_to_the_app(served: Served) -> None:
    served.exchange("GET", f"/response/started-twice?key={served.key}")
    served.wait_for("raised")


def test_an_error_takes_the_place_of_headers_that_were_not_sent(served: Served) -> None:
    answer = served.exchange("GET", "/response/replaced-start")
    assert (answer.status, answer.reason, answer.body) == (503, "Replaced", b"replaced")
    assert answer.all("X-First") == []


def test_an_error_after_the_first_byte_is_raised_again_and_cuts_the_response(
    served: Served,
) -> None:
    """The client must see that the response is not whole (RFC 9112 section 8)."""
    with served.wire() as wire:
        wire.request("GET", f"/response/too-late-to-replace?key={served.key}")
        assert wire.read_head().status == 200
        assert wire.read_chunk() == b"sent already"
        with pytest.raises(ConnectionCut):
            wire.read_chunk()
    served.wait_for("raised again")


@pytest.mark.parametrize("what", WRONG_STARTS)
def test_a_wrong_call_is_an_error_of_the_app(served: Served, what: str) -> None:
    answer = served.exchange("GET", f"/response/wrong-start?what={what.replace(' ', '+')}")
    assert answer.status == 500
    assert answer.all("X-Injected") == []
    assert answer.all("X-Wrong") == []
    assert served.serves()


def test_a_wrong_start_is_explained_in_the_output(served: Served) -> None:
    served.exchange("GET", "/response/wrong-start?what=a+header+name+that+is+bytes")
    served.server.wait_for_output("wrong_start")


def test_the_app_may_close_the_connection(served: Served) -> None:
    with served.wire() as wire:
        answer = wire.exchange("GET", "/response/connection-close")
        assert (answer.body, answer.says_close) == (b"bye", True)
        assert wire.is_closed()


# The write() callable.


def test_written_bytes_come_before_the_items(served: Served) -> None:
    answer = served.exchange("GET", "/response/write-only")
    assert answer.body == b"writtenend"


def test_write_sends_before_it_returns(served: Served) -> None:
    """PEP 3333: what write() was given has been sent, or is being sent while the app goes on."""
    with served.wire() as wire:
        wire.request("GET", f"/response/gated-write?key={served.key}")
        assert wire.read_head().status == 200
        assert wire.read_chunk() == b"first"
        served.open_gate()
        assert [wire.read_chunk(), wire.read_chunk(), wire.read_chunk()] == [
            b"second",
            b"third",
            b"",
        ]


def test_head_drops_what_is_written(served: Served) -> None:
    with served.wire() as wire:
        answer = wire.exchange("HEAD", "/response/write-only")
        assert answer.get("Content-Length") == "10"
        assert wire.exchange("GET", "/response/one-item").body == b"one item"
