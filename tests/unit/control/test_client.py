"""trivet.control.client: what is said of a server that does not answer."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.control.client import Client
from trivet.errors import ServerNotFound


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "control.sock")


@pytest.fixture
def listener(path: str) -> Iterator[socket.socket]:
    """Where a server would listen."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        yield listener


def test_a_server_that_ends_before_it_is_asked_has_ended(
    listener: socket.socket, path: str
) -> None:
    client = Client(path)
    listener.accept()[0].close()
    with pytest.raises(ServerNotFound, match=r"the server on .*control\.sock has ended"):
        client.ask("ps")
    client.close()


def test_who_waits_without_a_limit_is_told_once_that_it_takes_long(
    listener: socket.socket, path: str
) -> None:
    told = threading.Event()

    def answer() -> None:
        with listener.accept()[0] as server:
            server.recv(4096)
            assert told.wait(30)
            server.sendall(b'{"ok": true, "workers": 2}\n')

    thread = threading.Thread(target=answer)
    thread.start()
    client = Client(path)
    reply = client.ask("reload", when_it_takes_long=told.set, long_seconds=0.01)
    client.close()
    thread.join()
    assert reply["workers"] == 2


def test_who_is_answered_soon_hears_of_no_wait(listener: socket.socket, path: str) -> None:
    client = Client(path)
    with listener.accept()[0] as server:
        server.sendall(b'{"ok": true}\n')
        reply = client.ask("reload", when_it_takes_long=lambda: pytest.fail("told"))
    client.close()
    assert reply == {"ok": True}
