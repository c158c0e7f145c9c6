"""Real applications give the same answers under every server as under waitress."""

from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.addresses import free_tcp_address
from tests.serving.clients import CLIENTS
from tests.serving.comparison import differences
from tests.serving.kinds import KINDS, REFERENCE
from tests.serving.requests import Answer, Request, capture, keep_cookies, prepare
from tests.system.applications import APPLICATIONS, Application

pytestmark = pytest.mark.system

# Flask builds `Allow` from a set, whose order is another one in each process without this.
SAME_ORDER = {"PYTHONHASHSEED": "0"}


def answers_of(
    kind: str,
    application: Application,
    client: str,
    *,
    folder: Path,
    python: Path,
    start_server: StartServer,
) -> list[Answer]:
    """Serve the application from an empty folder, hold its conversation, and stop the server."""
    folder.mkdir()
    address = free_tcp_address()
    server = start_server(
        kind,
        application.target,
        application.directory,
        addresses=[address],
        python=python,
        environment={**application.environment(folder, python), **SAME_ORDER},
    )
    answers = []
    captured: dict[str, str] = {}
    cookies: dict[str, str] = {}
    with CLIENTS[client](address, folder) as send:
        for request in application.conversation:
            answer = send(prepare(request, captured, cookies))
            assert answer.status == request.status, (
                f"{kind}, {title(request)}: {answer}\n{server.output[-3000:]}"
            )
            captured.update(capture(request, answer))
            keep_cookies(cookies, answer)
            answers.append(answer)
    assert server.stop() == KINDS[kind].exit_code_on_term
    return answers


def title(request: Request) -> str:
    return f"{request.method} {request.target}"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_answers_are_those_of_the_reference(
    served_kind: str,
    name: str,
    client: str,
    tmp_path: Path,
    apps_python: Path,
    start_server: StartServer,
) -> None:
    """With waitress as the kind under test, this checks the table of what varies."""
    application = APPLICATIONS[name]
    expected, got = (
        answers_of(
            kind,
            application,
            client,
            folder=tmp_path / role,
            python=apps_python,
            start_server=start_server,
        )
        for kind, role in ((REFERENCE, "reference"), (served_kind, "tested"))
    )
    found = [
        f"{title(request)}: {difference}"
        for request, reference, answer in zip(application.conversation, expected, got, strict=True)
        for difference in differences(
            reference, answer, [*application.variables, *request.variables]
        )
    ]
    assert not found, "\n".join(found)
