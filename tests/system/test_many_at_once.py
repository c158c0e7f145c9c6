"""Views that block do not stop the others: threads come when needed, without any setting."""

import os
import time
from pathlib import Path

import pytest

from tests.compliance.conftest import APPLICATION
from tests.conftest import REPOSITORY, StartServer
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = pytest.mark.system


def test_32_requests_meet_inside_one_worker(start_server: StartServer) -> None:
    """None is answered before all are in their view: so all ran at the same time."""
    server = start_server("trivet", APPLICATION, REPOSITORY, workers=1)
    wires = [Wire(server.address) for _ in range(32)]
    try:
        for wire in wires:
            wire.request("GET", "/meet?count=32")
        assert {wire.read_response().body for wire in wires} == {b"all here"}
    finally:
        for wire in wires:
            wire.socket.close()


def test_32_sleeping_requests_sleep_at_the_same_time(
    start_server: StartServer, full_size: bool
) -> None:
    """One second each: in full size the limit is what was promised. On a busy machine it is half of
    what they take one after the other; that all of them are there at once is the test above."""
    server = start_server("trivet", "waiting:app", APPS, workers=1)
    wires = [Wire(server.address) for _ in range(32)]
    try:
        began = time.monotonic()
        for wire in wires:
            wire.request("GET", "/sleep?seconds=1")
        assert {wire.read_response().body for wire in wires} == {b"slept"}
        assert time.monotonic() - began < (1.5 if full_size else 16.0)
    finally:
        for wire in wires:
            wire.socket.close()


def test_a_view_that_blocks_stops_nobody(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("trivet", "waiting:app", APPS, workers=1)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Wire(server.address) as blocked, Wire(server.address) as other:
        blocked.request("GET", f"/wait?fifo={fifo}")
        descriptor = os.open(fifo, os.O_WRONLY)
        for _ in range(200):
            assert other.exchange("GET", "/process").status == 200
        assert not blocked.has_byte_waiting()
        os.write(descriptor, b"nobody")
        os.close(descriptor)
        assert blocked.read_response().body == b"waited for nobody"


def test_slow_clients_stop_nobody(start_server: StartServer) -> None:
    """300 half-sent heads and 100 half-sent bodies are more than there are threads."""
    server = start_server("trivet", "waiting:app", APPS, workers=1)
    slow = [Wire(server.address) for _ in range(400)]
    try:
        for wire in slow[:300]:
            wire.send(b"GET /process HTTP/1.1\r\nHost: app")
        for wire in slow[300:]:
            wire.send(b"POST /process HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhalf")
        with Wire(server.address) as wire:
            for _ in range(100):
                assert wire.exchange("GET", "/process").status == 200
        for wire in slow[:300]:
            wire.send(b".test\r\n\r\n")
            assert wire.read_response().status == 200
    finally:
        for wire in slow:
            wire.socket.close()
