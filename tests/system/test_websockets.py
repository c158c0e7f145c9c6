"""WebSocket applications that take the connection over: Flask-Sock and Flask-SocketIO."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio  # type: ignore[import-untyped]  # python-socketio has no types
import websocket

from tests.conftest import StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = pytest.mark.system

TIMEOUT_SECONDS = 15


@pytest.fixture
def echo_server(start_server: StartServer, apps_python: Path) -> Iterator[ServerProcess]:
    server = start_server("trivet", "socket_echo:app", APPS, python=apps_python)
    yield server
    assert server.stop() == 0
    assert not server.has_left_processes()


def connect(server: ServerProcess) -> websocket.WebSocket:
    return websocket.create_connection(
        server.url.replace("http", "ws") + "/echo", timeout=TIMEOUT_SECONDS
    )


def vanish(connection: websocket.WebSocket) -> None:
    """Close the TCP connection without a word."""
    assert connection.sock is not None
    connection.sock.close()


MESSAGES: dict[str, str | bytes] = {
    "text": "hello é €",
    "bytes": b"\0\xff" * 100,
    "an empty text": "",
    "a large text": "0123456789" * 100_000,
}


@pytest.mark.parametrize("what", MESSAGES)
def test_a_message_comes_back(echo_server: ServerProcess, what: str) -> None:
    connection = connect(echo_server)
    message = MESSAGES[what]
    if isinstance(message, bytes):
        connection.send_binary(message)
    else:
        connection.send(message)
    assert connection.recv() == message
    connection.close()


def test_messages_come_back_in_order(echo_server: ServerProcess) -> None:
    connection = connect(echo_server)
    for number in range(500):
        connection.send(str(number))
    assert [connection.recv() for _ in range(500)] == [str(number) for number in range(500)]
    connection.close()


def test_several_sockets_and_ordinary_pages_live_side_by_side(echo_server: ServerProcess) -> None:
    connections = [connect(echo_server) for _ in range(20)]
    for number, connection in enumerate(connections):
        connection.send(str(number))
    with Wire(echo_server.address) as wire:
        assert wire.exchange("GET", "/").body == b"an ordinary page"
    assert [connection.recv() for connection in connections] == [str(n) for n in range(20)]
    for connection in connections:
        connection.close()


def test_the_app_may_end_the_conversation(echo_server: ServerProcess) -> None:
    connection = connect(echo_server)
    connection.send("leave")
    opcode, _ = connection.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert connection.sock is not None
    try:
        after_the_last_frame = connection.sock.recv(100)
    finally:
        vanish(connection)
    # Flask-Sock returns an ordinary response to the server when the conversation is over.
    assert after_the_last_frame == b""


def test_a_client_that_vanishes_frees_its_thread(
    start_server: StartServer, apps_python: Path
) -> None:
    server = start_server("trivet", "socket_echo:app", APPS, python=apps_python, threads=3)
    for _ in range(12):
        connection = connect(server)
        connection.send("hello")
        assert connection.recv() == "hello"
        vanish(connection)


def test_a_plain_request_for_a_socket_is_refused(echo_server: ServerProcess) -> None:
    with Wire(echo_server.address) as wire:
        assert wire.exchange("GET", "/echo").status == 400


# Flask-SocketIO


@pytest.fixture
def room(start_server: StartServer, apps_python: Path) -> ServerProcess:
    return start_server("trivet", "socket_room:app", APPS, python=apps_python)


class Person:
    """A client of the room that remembers what it hears."""

    def __init__(self, url: str, transport: str) -> None:
        self.client: Any = socketio.Client(reconnection=False)
        self._heard: list[str] = []
        self._news = threading.Condition()
        self.client.on("message", self._hear)
        self.client.connect(url, transports=[transport], wait_timeout=TIMEOUT_SECONDS)

    def _hear(self, text: str) -> None:
        with self._news:
            self._heard.append(text)
            self._news.notify_all()

    def wait_to_hear(self, text: str) -> bool:
        with self._news:
            return self._news.wait_for(lambda: text in self._heard, TIMEOUT_SECONDS)


@pytest.fixture
def join(room: ServerProcess) -> Iterator[Callable[[str], Person]]:
    people: list[Person] = []

    def enter(transport: str) -> Person:
        people.append(Person(room.url, transport))
        return people[-1]

    yield enter
    for person in people:
        # An orderly goodbye can take 25 s: engineio's client (4.15) forgets to send it while its
        # last POST is not answered, and then waits for its last GET.
        person.client.eio.disconnect(abort=True)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_person_is_answered(join: Callable[[str], Person], transport: str) -> None:
    person = join(transport)
    assert person.client.call("sum", [1, 2, 3], timeout=TIMEOUT_SECONDS) == 6


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_what_one_says_all_hear(join: Callable[[str], Person], transport: str) -> None:
    people = [join(transport) for _ in range(3)]
    people[0].client.send("hello é")
    assert [person.wait_to_hear("HELLO É") for person in people] == [True] * 3


def test_people_hear_each_other_over_both_transports(join: Callable[[str], Person]) -> None:
    first, second = join("websocket"), join("polling")
    first.client.send("over a socket")
    second.client.send("by polling")
    for person in (first, second):
        assert person.wait_to_hear("OVER A SOCKET")
        assert person.wait_to_hear("BY POLLING")
