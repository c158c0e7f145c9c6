"""The application inside wsgiref.validate, which raises at every breach of PEP 3333."""

import json

import pytest

from tests.compliance.conftest import Served
from tests.serving.wire import chunked

REQUESTS: dict[str, tuple[str, str, list[tuple[str, str]], bytes | None]] = {
    "a body of one item": ("GET", "/response/one-item", [], None),
    "a query": ("GET", "/plan?plan=read+5", [], None),
    "an empty path": ("GET", "/", [], None),
    "HEAD": ("HEAD", "/response/one-item", [], None),
    "a generator": ("GET", "/response/a-generator", [], None),
    "several items": ("GET", "/response/several-items", [], None),
    "write()": ("GET", "/response/write-only", [], None),
    "a replaced start": ("GET", "/response/replaced-start", [], None),
    "a posted body": ("POST", "/plan?plan=read+4,readline,readlines", [], b"some\nmore\nlines\n"),
    "a body to iterate": ("POST", "/plan?plan=iterate", [], b"some\nmore\nlines\n"),
    "a chunked body": (
        "POST",
        "/digest?size=3",
        [("Transfer-Encoding", "chunked")],
        chunked([b"some", b"pieces"]),
    ),
    "errors": ("GET", "/errors?text=validated", [], None),
    "a path that is encoded": ("GET", "/environ/caf%C3%A9", [], None),
}

# A breach would be a 500.
ALLOWED_STATUS = {200, 201, 503}


@pytest.mark.parametrize("what", REQUESTS)
def test_the_validator_finds_nothing(validated: Served, what: str) -> None:
    method, target, headers, body = REQUESTS[what]
    answer = validated.exchange(method, target, headers, body)
    assert answer.status in ALLOWED_STATUS, validated.server.output[-3000:]


def test_the_validator_is_really_there(validated: Served) -> None:
    """It allows no read() without a size."""
    assert validated.exchange("POST", "/plan?plan=read", body=b"body").status == 500


def test_environ_passes_inside_the_validator(validated: Served) -> None:
    answer = validated.exchange("GET", "/environ")
    assert json.loads(answer.body)["environ type"] == "dict"
