"""The server's end of the control socket, with a supervisor that only records what it is told."""

import json
import os
import selectors
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trivet.control import server as module
from trivet.control.protocol import LONGEST_REQUEST_BYTES
from trivet.control.server import MOST_CONNECTIONS, ControlServer


class RecordingSupervisor:
    """Has the loop's registrations, and no workers."""

    def __init__(self) -> None:
        self.callbacks: dict[int, Callable[[], None]] = {}
        self.events: dict[int, int] = {}
        self.told: list[str] = []
        self.slots: list[Any] = []
        self.is_ending = False

    def register(self, source: Any, events: int, callback: Callable[[], None]) -> None:
        self.callbacks[source.fileno()] = callback
        self.events[source.fileno()] = events

    def unregister(self, source: Any) -> None:
        del self.callbacks[source.fileno()]

    def at(self, moment: float, callback: Callable[[], None]) -> None:
        pass

    def stop(self, cause: str) -> None:
        self.told.append(f"stop: {cause}")

    def nearest_allowed(self, workers: int) -> int:
        return workers

    def scale(self, workers: int, cause: str) -> None:
        raise RuntimeError("a defect")

    def turn(self) -> None:
        for callback in list(self.callbacks.values()):
            callback()


class Setup:
    def __init__(self, path: Path) -> None:
        self.supervisor = RecordingSupervisor()
        self.server = ControlServer(self.supervisor)  # type: ignore[arg-type]  # what it uses of one
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.setblocking(False)
        self.clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(self.listener.getsockname())
        self.clients.append(client)
        self.server.accept(self.listener)
        return client

    def ask(self, client: socket.socket, request: bytes) -> dict[str, Any]:
        client.sendall(request)
        self.supervisor.turn()
        return answer(client)


def answer(client: socket.socket) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(client.makefile("rb").readline())
    return line


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path / "control.sock")
    yield made
    made.server.close()
    made.listener.close()
    for client in made.clients:
        client.close()


def test_a_command_reaches_the_supervisor_after_its_answer(setup: Setup) -> None:
    assert setup.ask(setup.connect(), b'{"command": "stop"}\n') == {"ok": True}
    assert setup.supervisor.told == ["stop: trivet stop"]


def test_half_a_line_is_no_request_yet(setup: Setup) -> None:
    client = setup.connect()
    client.sendall(b'{"command": ')
    setup.supervisor.turn()
    assert setup.ask(client, b'"stop"}\n') == {"ok": True}


def test_a_wrong_request_leaves_the_connection_usable(setup: Setup) -> None:
    client = setup.connect()
    assert setup.ask(client, b"hello\n")["what"] == "a request is one JSON object on one line"
    assert setup.ask(client, b'{"command": "stop"}\n') == {"ok": True}


def test_a_request_without_end_is_cut_off(setup: Setup) -> None:
    client = setup.connect()
    client.sendall(b"x" * (LONGEST_REQUEST_BYTES + 1))
    setup.supervisor.turn()
    setup.supervisor.turn()
    assert answer(client)["what"] == "the request is too long"
    assert not setup.supervisor.callbacks


def test_a_client_that_leaves_is_forgotten(setup: Setup) -> None:
    setup.connect().close()
    setup.supervisor.turn()
    assert not setup.supervisor.callbacks


def test_a_defect_is_told_to_the_client_and_ends_nothing(setup: Setup) -> None:
    told = setup.ask(setup.connect(), b'{"command": "scale", "workers": 2}\n')
    assert told["error"] == "trivet-bug"
    assert "RuntimeError: a defect" in told["what"]


def test_another_user_is_turned_away(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "peer_uid", lambda connection: os.geteuid() + 1)
    client = setup.connect()
    assert answer(client)["what"] == "only the server's own user and root may ask"
    assert client.recv(1) == b""
    assert not setup.supervisor.callbacks


def test_root_may_ask(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "peer_uid", lambda connection: 0)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert setup.ask(setup.connect(), b'{"command": "stop"}\n') == {"ok": True}


def test_too_many_clients_are_turned_away(setup: Setup) -> None:
    for _ in range(MOST_CONNECTIONS):
        setup.connect()
    assert "too many" in answer(setup.connect())["what"]


def test_a_long_answer_waits_until_the_client_reads(setup: Setup) -> None:
    client = setup.connect()
    (connection,) = setup.server._connections
    connection._send({"ok": True, "text": "x" * 1_000_000})
    assert setup.supervisor.events[connection.socket.fileno()] & selectors.EVENT_WRITE
    received = b""
    while not received.endswith(b"\n"):
        received += client.recv(65536)
        setup.supervisor.turn()
    assert len(json.loads(received)["text"]) == 1_000_000
    assert setup.supervisor.events[connection.socket.fileno()] == selectors.EVENT_READ
