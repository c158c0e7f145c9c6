"""The application under each server kind, and a way to speak with it."""

import itertools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from tests.compliance.differences import DIFFERENCES
from tests.conftest import REPOSITORY, StartServer
from tests.serving.addresses import Address
from tests.serving.process import ServerProcess
from tests.serving.wire import Response, Wire

APPLICATION = "tests.compliance.application.application:application"
VALIDATED = "tests.compliance.application.application:validated"

_keys = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect a failure, and nothing else, in the rows of the table of differences."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        kind = str(parameters.params.get("server_kind")) if parameters else ""
        if kind in DIFFERENCES:
            row = DIFFERENCES[kind].get(name_without_server(item.name, kind))
            if row is not None:
                mark = pytest.mark.xfail(reason=row.reason, strict=True, run=not row.hangs)
                item.add_marker(mark)


def name_without_server(name: str, kind: str) -> str:
    """Return `test_x[trivet-a b]` as `test_x[a b]`, and `test_x[trivet]` as `test_x`."""
    bare = re.sub(rf"(?<=[\[-]){kind}(?=[\]-])", "", name, count=1)
    return bare.replace("[]", "").replace("[-", "[").replace("-]", "]")


@dataclass
class Served:
    """The application, running. `key` is new for each test: under it views record and wait."""

    kind: str
    server: ServerProcess
    key: str = field(default_factory=lambda: f"key-{next(_keys)}")

    @property
    def address(self) -> Address:
        return self.server.address

    def wire(self, receive_buffer_bytes: int | None = None) -> Wire:
        return Wire(self.address, receive_buffer_bytes)

    def exchange(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        version: str = "HTTP/1.1",
    ) -> Response:
        """Send one request on a connection of its own."""
        with self.wire() as wire:
            return wire.exchange(method, target, headers, body, version=version)

    def environ(
        self, target: str = "/environ", headers: Iterable[tuple[str, str]] = (), method: str = "GET"
    ) -> dict[str, Any]:
        """Return the values in environ of a request, without their types."""
        answer = self.exchange(method, target, headers)
        return values_of_environ(answer)

    def journal(self) -> list[str]:
        """Return what views recorded under this test's key."""
        return list(json.loads(self.exchange("GET", f"/journal?key={self.key}").body))

    def wait_for(self, prefix: str) -> list[str]:
        """Return the journal when it has an entry that starts so."""
        answer = self.exchange("GET", f"/journal?key={self.key}&wait={quote(prefix)}")
        found = json.loads(answer.body)
        assert answer.status == 200, f"{prefix!r} was never recorded, only {found}"
        return list(found)

    def open_gate(self) -> None:
        """Let the view go on that waits."""
        assert self.exchange("GET", f"/open?key={self.key}").status == 200

    def serves(self) -> bool:
        """Tell whether the server answers a plain request."""
        return self.exchange("GET", "/response/one-item").body == b"one item"


def values_of_environ(answer: Response) -> dict[str, Any]:
    assert answer.status == 200, answer
    return {name: entry["value"] for name, entry in json.loads(answer.body)["environ"].items()}


@pytest.fixture(scope="session")
def server(server_kind: str, start_server_for_session: StartServer) -> ServerProcess:
    return start_server_for_session(server_kind, APPLICATION, REPOSITORY)


@pytest.fixture
def served(server_kind: str, server: ServerProcess) -> Served:
    return Served(server_kind, server)


@pytest.fixture(scope="session")
def validated_server(server_kind: str, start_server_for_session: StartServer) -> ServerProcess:
    return start_server_for_session(server_kind, VALIDATED, REPOSITORY)


@pytest.fixture
def validated(server_kind: str, validated_server: ServerProcess) -> Served:
    return Served(server_kind, validated_server)
