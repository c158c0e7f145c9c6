"""Exceptions of the app as events: what they tell, and that nobody can forge a line with one."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.chained_error import raised
from trivet.errors import RequestTimedOut
from trivet.observe.log import Log
from trivet.worker.app_errors import AppErrors

ENVIRON = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/x?y", "trivet.request_id": "id-1"}


def told(error: BaseException, environ: dict[str, object] | None, format: str = "text") -> str:
    stream = io.StringIO()
    AppErrors(Log(stream, format), worker=3).tell(error, environ)
    return stream.getvalue()


def test_an_event_has_the_request_and_the_traceback() -> None:
    event = json.loads(told(raised("plain"), dict(ENVIRON), "json"))
    assert event["event"] == "request-failed"
    assert event["message"] == "GET /x?y failed: ValueError: plain"
    assert (event["method"], event["target"], event["request_id"]) == ("GET", "/x?y", "id-1")
    assert event["worker"] == 3
    assert event["detail"].startswith("Traceback (most recent call last):\n")
    assert "direct cause of the following exception" in event["detail"]


def test_without_an_environ_the_request_is_unknown() -> None:
    event = json.loads(told(raised("plain"), None, "json"))
    assert (event["method"], event["target"], event["request_id"]) == ("?", "?", "?")


def test_what_was_raised_by_the_deadline_is_not_told_twice() -> None:
    assert told(RequestTimedOut(), dict(ENVIRON)) == ""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot be told")


def test_an_exception_without_words_is_told_all_the_same() -> None:
    assert "Mute: <exception str() failed>" in told(Mute(), dict(ENVIRON))


@pytest.mark.parametrize("message", ["\n", "a\n\nb\n", "\r\n", "x\n2026-01-01T00:00:00Z info y"])
def test_a_message_of_several_lines_stays_one_event(message: str) -> None:
    first, *rest = told(raised(message), dict(ENVIRON)).splitlines()
    assert " error request-failed method=GET target=/x?y " in f"{first} ".replace('"', "")
    assert all(line.startswith("    ") for line in rest)


@given(st.text(), st.text(), st.text())
def test_no_line_can_be_forged(message: str, method: str, target: str) -> None:
    environ: dict[str, object] = {"REQUEST_METHOD": method, "REQUEST_URI": target}
    first, *rest = told(raised(message), environ).removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in (first, *rest))
    assert all(line.startswith("    ") for line in rest)
