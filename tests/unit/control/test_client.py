"""trivet.control.client: what is said of a server that does not answer."""

import socket
from pathlib import Path

import pytest

from trivet.control.client import Client
from trivet.errors import ServerNotFound


def test_a_server_that_ends_before_it_is_asked_has_ended(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        client = Client(path)
        listener.accept()[0].close()
    with pytest.raises(ServerNotFound, match=r"the server on .*control\.sock has ended"):
        client.ask("ps")
    client.close()
