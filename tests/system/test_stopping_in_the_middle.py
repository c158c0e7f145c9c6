"""TERM while an answer is being streamed, or a body is half read: what was accepted is finished."""

import os
import signal
from pathlib import Path

import pytest

from tests.serving.process import takes_connections
from tests.serving.wire import Wire
from tests.system.test_reloading import Site, site

pytestmark = pytest.mark.system

__all__ = ["site"]  # a fixture

APP = """\
def app(environ, start_response):
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/upload":
        first = environ["wsgi.input"].read(5)
        print("half read", flush=True)
        body = first + environ["wsgi.input"].read()
        start_response("200 OK", headers)
        return [body]
    start_response("200 OK", headers)
    return stream(environ["QUERY_STRING"])

def stream(fifo):
    yield b"begun, "
    print("streaming", flush=True)
    yield open(fifo, "rb").read()
    yield b", ended"
"""


@pytest.fixture(params=[(), ("--preload",)], ids=["", "preload"])
def serving(site: Site, request: pytest.FixtureRequest) -> Site:
    site.deploy(APP)
    site.serve("-w", "1", *request.param)
    return site


def terminate(site: Site) -> None:
    site.server.signal(signal.SIGTERM)
    site.server.wait_until(lambda: not takes_connections(site.address), "connections are refused")


def test_a_streamed_answer_is_sent_to_its_end(serving: Site, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Wire(serving.address) as wire:
        wire.request("GET", f"/stream?{fifo}")
        serving.server.wait_for_output("streaming")
        terminate(serving)
        fifo.write_bytes(b"waited")
        assert wire.read_response().body == b"begun, waited, ended"
        assert wire.is_closed()
    assert serving.server.wait() == 0
    assert not serving.server.has_left_processes()


def test_a_body_that_is_half_read_is_read_to_its_end(serving: Site) -> None:
    size = 100_000  # more than is read ahead before the app is called
    with serving.address.connect() as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: shop\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode() + b"x" * (size // 2))
        serving.server.wait_for_output("half read")
        terminate(serving)
        connection.sendall(b"x" * (size - size // 2))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"x") >= size
    assert serving.server.wait() == 0
