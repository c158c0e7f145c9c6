"""What published vulnerabilities of other servers would do, over a socket, to the built server."""

import re
from pathlib import Path

import pytest

from tests.compliance.conftest import APPLICATION, Served, values_of_environ
from tests.conftest import REPOSITORY, StartServer
from tests.security.attacks import SMUGGLING, WEDGING, hidden
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire, build_request

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(start_server_for_session: StartServer) -> ServerProcess:
    return start_server_for_session("trivet", APPLICATION, REPOSITORY)


@pytest.fixture
def served(server: ServerProcess) -> Served:
    return Served("trivet", server)


@pytest.mark.parametrize(
    ("name", "attack"), [(name, attack) for name in SMUGGLING for attack in SMUGGLING[name]]
)
def test_what_is_hidden_in_a_request_is_never_run(served: Served, name: str, attack: bytes) -> None:
    with served.wire() as wire:
        wire.send(attack + hidden(served.key))
        answer = wire.read_response()
        assert answer.status in (400, 501), f"{name} was not refused"
        assert answer.says_close
        assert wire.is_closed(), "one answer and no more"
    assert served.journal() == []


def test_the_hidden_request_is_one_that_runs(served: Served) -> None:
    """Or the test above could not fail."""
    with served.wire() as wire:
        wire.send(build_request("GET", "/response/one-item") + hidden(served.key))
        assert wire.read_response().status == wire.read_response().status == 200
    assert served.journal() == ["called"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [pytest.param(*row, id=name) for name, rows in WEDGING.items() for row in rows],
)
def test_a_request_made_to_wedge_the_server_is_answered(
    served: Served, request_bytes: bytes, status: int
) -> None:
    workers = served.server.child_pids()
    with served.wire() as wire:
        wire.send(request_bytes)
        assert wire.read_response().status == status
    assert served.serves()
    assert served.server.child_pids() == workers, "no worker was lost"


def test_a_path_cannot_write_into_the_log(served: Served) -> None:
    with served.wire() as wire:
        wire.send(
            build_request(
                "GET",
                f"/environ/{served.key}%1b%5b2J%0d%0aforged",
                [("User-Agent", 'x" 200 0 "\xff\x85')],
            )
        )
        assert "\x1b[2J\r\nforged" in values_of_environ(wire.read_response())["PATH_INFO"]
    served.server.wait_for_output(re.escape(f"/environ/{served.key}%1b"))
    lines = [line for line in served.server.output.splitlines() if served.key in line]
    assert not [line for line in served.server.output.splitlines() if line.startswith("forged")]
    assert all(line.isascii() and line.isprintable() for line in lines), lines


def test_the_deadline_for_a_head_holds_for_every_request_of_a_connection(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(
        "trivet", APPLICATION, REPOSITORY, extra_arguments=["--header-timeout", "1s"]
    )
    with Wire(server.address) as wire:
        assert wire.exchange("GET", "/response/one-item").status == 200
        wire.send(b"GET /response/one-item HTTP/1.1\r\nHost: ")
        assert wire.read_response().status == 408
        assert wire.is_closed()
