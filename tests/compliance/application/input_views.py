"""Views that read wsgi.input: by a plan in the query, in pieces, late, or not at all."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.compliance.application import journal

Environ = dict[str, Any]
StartResponse = Callable[..., object]

# Each step of a reading plan: what the query calls it, and what it does with wsgi.input.
STEPS: Mapping[str, Callable[..., object]] = {
    "read": lambda source, *sizes: source.read(*sizes),
    "readline": lambda source, *sizes: source.readline(*sizes),
    "readlines": lambda source, *hints: source.readlines(*hints),
    "iterate": lambda source: list(source),
    "next": lambda source: next(iter(source)),
    "none": lambda source: source.read(None),
}


def answer(start_response: StartResponse, value: object, status: str = "200 OK") -> list[bytes]:
    body = json.dumps(value).encode()
    start_response(
        status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def as_text(value: Any) -> object:
    """Return bytes as latin-1 text, inside lists too; anything but bytes is told by its type."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return value.decode("latin-1") if type(value) is bytes else f"<{type(value).__name__}>"


def follow_plan(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Take the steps in `plan`, such as `read 3,readline,read`, and answer what each gave."""
    results = []
    for step in query["plan"].split(","):
        name, *sizes = step.split()
        results.append(as_text(STEPS[name](environ["wsgi.input"], *map(int, sizes))))
    return answer(start_response, results)


def digest(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Read everything in pieces of `size` and answer its length and SHA-256."""
    total, found = 0, hashlib.sha256()
    while piece := environ["wsgi.input"].read(int(query.get("size", "65536"))):
        total += len(piece)
        found.update(piece)
    return answer(start_response, [total, found.hexdigest()])


def digest_lines(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Read everything line by line and answer the number of lines, the length and SHA-256."""
    lines, total, found = 0, 0, hashlib.sha256()
    for line in environ["wsgi.input"]:
        lines += 1
        total += len(line)
        found.update(line)
    return answer(start_response, [lines, total, found.hexdigest()])


def read_first_part(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Read `size` bytes, record them, then read the rest, and answer both."""
    first = environ["wsgi.input"].read(int(query["size"]))
    journal.record(query["key"], f"first {len(first)}")
    return answer(start_response, [as_text(first), as_text(environ["wsgi.input"].read())])


def read_at_gate(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Record that the view was called, and read only when the gate is open."""
    journal.record(query["key"], "called")
    journal.wait_at_gate(query["key"])
    return digest(environ, start_response, query)


def read_to_the_end(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Read everything and record whether it came whole; errors go on to the server."""
    journal.record(query["key"], "reading")
    try:
        body = environ["wsgi.input"].read()
    except OSError as error:
        journal.record(query["key"], f"raised {type(error).__name__}: {error}")
        raise
    journal.record(query["key"], f"whole body of {len(body)} bytes")
    return answer(start_response, len(body))


def ignore_body(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Answer without a look at the body."""
    journal.record(query.get("key", ""), "called")
    return answer(start_response, "not read")


def keep_input(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Keep wsgi.input beyond the request, and answer what the one kept before still gives."""
    kept = _kept_inputs.get(query["key"])
    _kept_inputs[query["key"]] = environ["wsgi.input"]
    if kept is None:
        return answer(start_response, "kept")
    try:
        late = as_text(kept.read())
    except (OSError, ValueError) as error:
        late = type(error).__name__
    return answer(start_response, [late, as_text(environ["wsgi.input"].read())])


_kept_inputs: dict[str, Any] = {}

VIEWS = {
    "plan": follow_plan,
    "digest": digest,
    "digest-lines": digest_lines,
    "first-part": read_first_part,
    "read-at-gate": read_at_gate,
    "read-to-the-end": read_to_the_end,
    "ignore-body": ignore_body,
    "keep-input": keep_input,
}
