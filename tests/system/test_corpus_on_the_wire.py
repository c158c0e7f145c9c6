"""Every case of tests/corpus against the built server, over a socket: whole, and in small pieces.

The Rust test runs the same files through the parser alone. Here it shows whether what the parser
says becomes the right answers, in order, and the right end of the connection.
"""

import json
import socket

import pytest

from tests.conftest import REPOSITORY, StartServer
from tests.corpus.reading import Case, Request, read_all
from tests.serving.process import ServerProcess
from tests.serving.wire import ConnectionCut, Wire

CASES = read_all()
SMALL_BYTES = 4096


@pytest.fixture(scope="module")
def server(start_server_for_session: StartServer) -> ServerProcess:
    return start_server_for_session("trivet", "tests.corpus.echo:application", REPOSITORY)


def test_the_corpus_is_not_empty() -> None:
    assert len(CASES) >= 250


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_of_the_corpus_is_answered_as_it_says(case: Case, server: ServerProcess) -> None:
    with Wire(server.address) as wire:
        wire.send(case.sent)
        check_answers(case, wire)


@pytest.mark.parametrize(
    "case", [case for case in CASES if len(case.sent) < SMALL_BYTES], ids=lambda case: case.name
)
def test_a_case_of_the_corpus_is_answered_so_byte_by_byte(
    case: Case, server: ServerProcess
) -> None:
    with Wire(server.address) as wire:
        try:
            for at in range(len(case.sent)):
                wire.send(case.sent[at : at + 1])
        except ConnectionError:
            pass  # refused before all was sent: the answer is there all the same
        check_answers(case, wire)


def check_answers(case: Case, wire: Wire) -> None:
    """Read every answer, and then the end of the connection."""
    requests = case.requests
    for request in requests:
        if not request.is_whole:
            break
        answer = wire.read_response(request.method)
        assert answer.status == 200, case
        if request.method != "HEAD":
            check_application(request, json.loads(answer.body))
        assert answer.says_close == request.closes
    if case.rejection is not None:
        is_head = case.sent.lstrip(b"\r\n").startswith(b"HEAD ")
        answer = wire.read_response("HEAD" if is_head else "GET")
        assert (answer.status, answer.says_close) == (case.rejection, True)
        assert wire.is_closed()
    elif requests and requests[-1].closes and requests[-1].is_whole:
        assert wire.is_closed()
    else:
        # Kept open, or waiting for more: nothing is said before the client ends it, and then
        # nothing that takes half a request for a whole one.
        assert not wire.has_byte_waiting()
        wire.socket.shutdown(socket.SHUT_WR)
        try:
            assert b" 200 " not in wire.read_to_end().split(b"\r\n")[0]
        except ConnectionCut:
            pass  # a reset is no answer either


def check_application(request: Request, seen: dict) -> None:
    """Compare what the application was given with what the specifications make of the request."""
    environ, expected = seen["environ"], request.environ()
    assert {name: environ.get(name) for name in expected} == expected
    fields = {name for name in environ if name.startswith("HTTP_")}
    assert fields <= expected.keys(), "a field that must not reach an application"
    assert seen["body"] == request.data.decode("latin-1")


def test_no_two_cases_send_the_same_bytes() -> None:
    seen: dict[bytes, str] = {}
    for case in CASES:
        other = seen.setdefault(case.sent, case.name)
        assert other == case.name, f"{case.name} and {other} are one case: delete one"
