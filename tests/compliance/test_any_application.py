"""Random applications, right and wrong, and random requests to them.

Whatever the application does, the client gets a well-formed answer or sees that it was cut, the
next request on the connection gets its own answer, close() is called once, and no thread is lost.
"""

import contextlib
import itertools
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compliance.application.scripted_views import FILES, RAISED, WRONG_PIECES
from tests.compliance.conftest import APPLICATION
from tests.conftest import REPOSITORY, StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import ConnectionCut, Response, Wire, build_request, chunked

# A long run: TRIVET_TEST_EXAMPLES=20000 pytest tests/compliance/test_any_application.py
EXAMPLES = int(os.environ.get("TRIVET_TEST_EXAMPLES", "300"))
THREADS = 4
NEXT = build_request("GET", "/response/late-start")

keys = itertools.count(1)

MISHAPS = [*RAISED, *WRONG_PIECES]
GOOD_HEADERS = [
    ["X-Plain", "value"],
    ["X-Empty", ""],
    ["X-Latin", "caf\xe9"],
    ["Set-Cookie", "a=1"],
    ["Content-Type", "text/plain"],
    ["Transfer-Encoding", "chunked"],
    ["Transfer-Encoding", "identity"],
    ["Connection", "keep-alive"],
    ["Connection", "close"],
    ["Keep-Alive", "timeout=5"],
    ["Upgrade", "h2c"],
    ["Trailer", "X-Sum"],
    ["TE", "trailers"],
]
BAD_HEADERS = [
    ["X-Bad", "a\r\nX-Injected: 1"],
    ["X-Bad", "a\nX-Injected: 1"],
    ["X-Bad", "a\rb"],
    ["X-Bad", "a\0b"],
    ["X-Bad\r\nX-Injected", "1"],
    ["X Bad", "1"],
    ["", "1"],
    ["X-Bad", "\u20ac"],
    ["X-Bad", 1],
    ["X-Bad"],
    ["Content-Length", "ten"],
    ["Content-Length", "-1"],
]
GOOD_STATUSES = ["200 OK", "201 Created", "204 No Content", "205 Reset Content", "304 Not Modified"]
GOOD_STATUSES += ["404 Not Found", "500 Of The App", "599 \xe9", "200"]
BAD_STATUSES = ["", "OK", "100 Continue", "101 Switching Protocols", "20 OK", "200 O\r\nX: K", 200]
NO_CONTENT = (204, 205, 304)


def mostly(good: st.SearchStrategy, bad: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 9).flatmap(lambda number: bad if number == 0 else good)


sizes = st.sampled_from([0, 1, 5, 1000, 70_000])
scripts = st.fixed_dictionaries(
    {
        "status": mostly(st.sampled_from(GOOD_STATUSES), st.sampled_from(BAD_STATUSES)),
        "headers": st.lists(
            mostly(st.sampled_from(GOOD_HEADERS), st.sampled_from(BAD_HEADERS)), max_size=3
        ),
        # What Content-Length says, compared with the bytes that the script makes.
        "length": st.sampled_from([None, None, None, 0, 0, -1, 1, 100]),
        "start": mostly(
            st.sampled_from(["early", "late", "replaced"]), st.sampled_from(["twice", "never"])
        ),
        "write": st.lists(sizes, max_size=2),
        "kind": mostly(
            st.sampled_from(["iterator", "iterator", "generator", "list", "tuple", *FILES]),
            st.sampled_from(["text", "nothing", "a number"]),
        ),
        "pieces": st.lists(mostly(sizes, st.sampled_from(MISHAPS)), max_size=4),
        "close": st.sampled_from(["works", "works", "raises"]),
        "read": st.booleans(),
    }
)
requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "HEAD", "PATCH"]),
        "version": st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]),
        "body": st.sampled_from([None, 0, 10, 5_000, 100_000]),
        "chunked": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def server(start_server_for_session: StartServer) -> ServerProcess:
    return start_server_for_session("trivet", APPLICATION, REPOSITORY, threads=THREADS)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=scripts, request=requests)
def test_any_application(server: ServerProcess, script: dict, request: dict) -> None:
    script = prepared(script)
    with Wire(server.address) as wire:
        with contextlib.suppress(ConnectionError):
            wire.send(encoded(request, script) + NEXT)
        try:
            answer: Response | None = wire.read_response(request["method"])
        except ConnectionCut:
            answer = None
        judge(script, request, answer)
        if answer is not None:
            # The connection is closed, with a warning, or goes on with the next request's answer.
            try:
                following: Response | None = wire.read_response()
            except ConnectionCut:
                following = None
            if following is None:
                # What failed after a whole answer (to HEAD) ends the connection too.
                assert answer.says_close or fails(script)
            else:
                assert (following.status, following.body) == (201, b"late")
    if has_close(script):
        entries = wait_for_close(server, script["key"])
        assert entries.count("close") == 1


def test_no_thread_is_lost(server: ServerProcess) -> None:
    """After the test above: as many requests as there are threads meet inside the application."""
    wires = [Wire(server.address) for _ in range(THREADS)]
    for wire in wires:
        wire.request("GET", f"/meet?count={THREADS}")
    for wire in wires:
        assert wire.read_response().body == b"all here"
        wire.socket.close()


def prepared(script: dict) -> dict:
    script = {**script, "key": f"any-{next(keys)}"}
    if script["length"] is not None:
        total = max(0, bytes_made(script) + script["length"])
        script["headers"] = [*script["headers"], ["Content-Length", str(total)]]
    return script


def encoded(request: dict, script: dict) -> bytes:
    fields = [("X-Script", json.dumps(script))]
    if request["version"] == "HTTP/1.0":
        fields.append(("Connection", "keep-alive"))
    if request["body"] is None:
        body = None
    elif request["chunked"] and request["version"] == "HTTP/1.1":
        fields.append(("Transfer-Encoding", "chunked"))
        body = chunked([b"y" * request["body"]])
    else:
        body = b"y" * request["body"]
    return build_request(request["method"], "/script", fields, body, version=request["version"])


def bytes_made(script: dict) -> int:
    return sum([*script["write"], *(size for size in script["pieces"] if isinstance(size, int))])


def fails_at_start(script: dict) -> bool:
    wrong = any(header in BAD_HEADERS for header in script["headers"])
    return wrong or script["status"] in BAD_STATUSES or script["start"] == "never"


def fails(script: dict) -> bool:
    return (
        fails_at_start(script)
        or script["start"] == "twice"
        or script["kind"] in WRONG_PIECES
        or any(piece in MISHAPS for piece in script["pieces"])
    )


def has_close(script: dict) -> bool:
    """Whether the application comes to return the iterator that has close()."""
    raises_early = script["start"] in ("early", "replaced", "twice") and (
        fails_at_start(script) or script["start"] == "twice"
    )
    return script["kind"] == "iterator" and not raises_early


def judge(script: dict, request: dict, answer: Response | None) -> None:
    length = bytes_made(script)
    declared = None if script["length"] is None else max(0, length + script["length"])
    if answer is None:
        # Cut: only for an application that failed, or made less than it promised.
        assert fails(script) or (declared is not None and declared > length)
        return
    assert not any("Injected" in name for name, _ in answer.headers)
    code = int(script["status"][:3]) if not fails_at_start(script) else 500
    if not fails(script):
        assert answer.status == code
    else:
        assert answer.status in (code, 500)
    is_bodiless = request["method"] == "HEAD" or answer.status in NO_CONTENT
    if is_bodiless or (answer.status == 500 and fails(script)):
        return
    expected = length if declared is None else min(declared, length)
    if not fails(script):
        assert len(answer.body) == expected
    else:
        # Whole although the application failed: all that it promised had been sent.
        assert declared is not None
        assert len(answer.body) == declared


def wait_for_close(server: ServerProcess, key: str) -> list[Any]:
    with Wire(server.address) as wire:
        return list(json.loads(wire.exchange("GET", f"/journal?key={key}&wait=close").body))
