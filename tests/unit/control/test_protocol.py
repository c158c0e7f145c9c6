"""Requests over the control socket: what is one, and what is said of what is not."""

import json

import pytest

from trivet.control.protocol import COMMANDS, BadRequest, encode, failed, read_request
from trivet.control.server import ANSWERS
from trivet.errors import AppImportFailed


def test_every_command_is_answered() -> None:
    assert set(ANSWERS) == set(COMMANDS)


def test_a_request_is_read() -> None:
    assert read_request(b'{"command": "scale", "workers": 3}') == {"command": "scale", "workers": 3}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"ps", "one JSON object"),
        (b"\xff\xfe", "one JSON object"),
        (b"[]", "a JSON object"),
        (b"{}", "the commands are"),
        (b'{"command": ["ps"]}', "the commands are"),
        (b'{"command": "restart"}', "the commands are"),
        (b'{"command": "scale"}', "scale needs workers"),
        (b'{"command": "scale", "workers": "3"}', "scale needs workers"),
        (b'{"command": "scale", "workers": true}', "scale needs workers"),
        (b'{"command": "ps", "all": 1}', "ps has no all"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(line: bytes, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        read_request(line)


def test_an_error_keeps_its_name_text_and_hint_on_one_line() -> None:
    error = AppImportFailed("importing shop failed", hint="mend it", details="line 1\nline 2")
    line = encode(failed(error))
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "ok": False,
        "error": "app-import-failed",
        "what": "importing shop failed",
        "hint": "mend it",
        "details": "line 1\nline 2",
    }
