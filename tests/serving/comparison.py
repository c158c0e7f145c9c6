"""Compare two servers' answers: every difference counts but what a table here explains."""

import re
from collections.abc import Iterator, Mapping, Sequence

from tests.serving.requests import Answer, Variable

# Header fields that say something about the connection or the server, nothing about the answer.
NOT_COMPARED: Mapping[str, str] = {
    "date": "the time of the answer (RFC 9110 section 6.6.1)",
    "server": "the name of the server (RFC 9110 section 10.2.4)",
    "via": "waitress adds it when the app has named a server of its own",
    "connection": "about this connection only (RFC 9110 section 7.6.1): waitress closes more often",
    "transfer-encoding": "about this connection only (RFC 9112 section 6.1)",
}


def differences(
    reference: Answer, answer: Answer, variables: Sequence[Variable] = ()
) -> Iterator[str]:
    """Yield every difference, in words."""
    for name in ("status", "reason"):
        expected, got = getattr(reference, name), getattr(answer, name)
        if expected != got:
            yield f"{name}: {expected!r} there, {got!r} here"
    expected_fields = comparable_fields(reference, variables)
    fields = comparable_fields(answer, variables)
    if length_follows_from_body(reference, answer):
        expected_fields.pop("content-length", None)
        fields.pop("content-length", None)
    for name in sorted(expected_fields.keys() | fields.keys()):
        if expected_fields.get(name) != fields.get(name):
            yield f"{name}: {expected_fields.get(name)} there, {fields.get(name)} here"
    expected_body = in_general(reference.body, variables)
    body = in_general(answer.body, variables)
    if expected_body != body:
        yield f"body: {first_difference(expected_body, body)}"


def comparable_fields(answer: Answer, variables: Sequence[Variable]) -> dict[str, list[str]]:
    """Return the fields by name: case and order of names mean nothing (RFC 9110 5.1 and 5.3)."""
    fields: dict[str, list[str]] = {}
    for name, value in answer.headers:
        if name.lower() not in NOT_COMPARED:
            general = in_general(value.encode("latin-1"), variables).decode("latin-1")
            fields.setdefault(name.lower(), []).append(general)
    return fields


def length_follows_from_body(first: Answer, second: Answer) -> bool:
    """Tell whether comparing the bodies says all that the lengths could say.

    Each length that is there is that of the body that came. One may be missing where there are
    chunks: when the app promises no length, PEP 3333 leaves it to the server how to frame the
    body ("Handling the Content-Length Header"). Answers to HEAD have a length and no body, so
    their lengths are compared.
    """
    for answer in (first, second):
        length = first_value(answer, "content-length")
        if length is None and first_value(answer, "transfer-encoding") != "chunked":
            return False
        if length is not None and length != str(len(answer.body)):
            return False
    return True


def first_value(answer: Answer, name: str) -> str | None:
    return next((value for key, value in answer.headers if key.lower() == name), None)


def in_general(data: bytes, variables: Sequence[Variable]) -> bytes:
    """Return the data with everything that varies replaced."""
    for variable in variables:
        data = re.sub(variable.expression.encode(), variable.replacement.encode(), data)
    return data


def first_difference(expected: bytes, got: bytes) -> str:
    """Return where two bodies part, with some bytes around it."""
    pairs = enumerate(zip(expected, got, strict=False))
    place = next((index for index, (a, b) in pairs if a != b), min(len(expected), len(got)))
    around = slice(max(place - 60, 0), place + 60)
    return (
        f"{len(expected)} bytes there, {len(got)} here; at byte {place} "
        f"{expected[around]!r} there, {got[around]!r} here"
    )
