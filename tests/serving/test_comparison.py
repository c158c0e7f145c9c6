"""The comparison of answers finds what it must find, and forgives only what its tables name."""

from dataclasses import replace

import pytest

from tests.serving.comparison import NOT_COMPARED, differences
from tests.serving.requests import Answer, Variable

ANSWER = Answer(
    200,
    "OK",
    [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
    b"body",
)

DIFFERENT = {
    "status": replace(ANSWER, status=201),
    "reason": replace(ANSWER, reason="Fine"),
    "body": replace(ANSWER, body=b"bodY"),
    "a byte more": replace(ANSWER, body=b"body "),
    "a field less": replace(ANSWER, headers=ANSWER.headers[1:]),
    "a field more": replace(ANSWER, headers=[*ANSWER.headers, ("Content-Length", "4")]),
    "another value": replace(ANSWER, headers=[("Content-Type", "text/x"), *ANSWER.headers[1:]]),
    "another order of one field": replace(ANSWER, headers=ANSWER.headers[::-1]),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_a_difference_is_found(what: str) -> None:
    assert len(list(differences(ANSWER, DIFFERENT[what]))) == 1


def test_case_and_order_of_different_fields_mean_nothing() -> None:
    same = [("set-cookie", "a=1"), ("content-type", "text/plain"), ("set-cookie", "b=2")]
    assert list(differences(ANSWER, replace(ANSWER, headers=same))) == []


@pytest.mark.parametrize("name", NOT_COMPARED)
def test_fields_about_the_connection_or_the_server_are_forgiven(name: str) -> None:
    assert list(differences(ANSWER, replace(ANSWER, headers=[*ANSWER.headers, (name, "x")]))) == []


def test_what_varies_is_forgiven_and_its_absence_is_not() -> None:
    variables = [Variable(r"id=\d+", "id=…", "the id is random")]
    first, second = replace(ANSWER, body=b"id=1;"), replace(ANSWER, body=b"id=22;")
    assert list(differences(first, second, variables)) == []
    assert list(differences(first, replace(ANSWER, body=b"id=;"), variables)) != []


CHUNKED = replace(ANSWER, headers=[*ANSWER.headers, ("Transfer-Encoding", "chunked")])
RIGHT_LENGTH = replace(ANSWER, headers=[*ANSWER.headers, ("Content-Length", "4")])
WRONG_LENGTH = replace(ANSWER, headers=[*ANSWER.headers, ("Content-Length", "5")])


def test_a_length_in_the_place_of_chunks_is_forgiven_when_it_is_right() -> None:
    assert list(differences(CHUNKED, RIGHT_LENGTH)) == []
    assert list(differences(RIGHT_LENGTH, CHUNKED)) == []
    assert list(differences(CHUNKED, WRONG_LENGTH)) != []
    assert list(differences(RIGHT_LENGTH, WRONG_LENGTH)) != []


def test_lengths_without_a_body_are_compared() -> None:
    """As in answers to HEAD."""
    first, second = (
        replace(ANSWER, headers=[("Content-Length", length)], body=b"") for length in ("4", "5")
    )
    assert len(list(differences(first, second))) == 1
