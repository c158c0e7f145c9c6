"""Every case of tests/corpus against the built server, over a socket: whole, and in small pieces.

The Rust test runs the same files through the parser alone. Here it shows whether what the parser
says becomes the right answers, in order, and the right end of the connection.
"""

import json
import socket

import pytest

from tests.conftest import REPOSITORY, StartServer
from tests.corpus.reading import Case, read_all
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
            seen = {"method": request.method, "target": request.target}
            assert json.loads(answer.body) == {**seen, "body": request.data.decode("latin-1")}
        assert answer.says_close == request.closes
    if case.rejection is not None:
        answer = wire.read_response()
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
