"""Workers that are replaced after requests, memory or time: nothing is lost, reasons are told."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import free_tcp_address
from tests.serving.load import under_load
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

pytestmark = pytest.mark.system

APP = """\
import os
kept = []

def app(environ, start_response):
    if environ["PATH_INFO"] == "/leak":
        kept.append(bytearray(os.urandom(1024 * 1024)) * 8)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture
def serve(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> Callable[..., ServerProcess]:
    (tmp_path / "shop.py").write_text(APP)

    def start(*flags: str) -> ServerProcess:
        address = free_tcp_address()
        command = [sys.executable, "-m", "trivet", "serve", "shop", "--bind", address.bind, *flags]
        server = start_command(command, tmp_path, [address])
        server.wait_for_output("server-ready")
        return server

    return start


def test_a_worker_is_replaced_after_its_requests_and_nothing_is_lost(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve("-w", "2", "--max-requests", "200", "--max-requests-jitter", "20")
    with under_load(server.address, "/", clients=8, closing=4) as load:
        server.wait_until(
            lambda: server.output.count("worker-retired") >= 4, "four workers have retired"
        )
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    server.wait_for_output(r'worker-retired worker=\d pid=\d+ reason="it has answered 2\d\d ')
    assert server.stop() == 0
    assert not server.has_left_processes()


def test_a_worker_that_leaks_is_replaced(serve: Callable[..., ServerProcess]) -> None:
    server = serve("-w", "1", "--max-memory", "100MiB")
    (before,) = server.child_pids()
    with under_load(server.address, "/leak", clients=1) as load:
        server.wait_for_output(rf'worker-retired worker=1 pid={before} reason="it uses \d+ MiB')
    assert load.failures == []
    server.wait_until(lambda: before not in server.child_pids(), "the worker has ended")


def test_workers_of_a_certain_age_are_replaced_one_after_the_other(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve("-w", "2", "--max-age", "1s")
    before = set(server.child_pids())
    server.wait_until(lambda: not before & set(server.child_pids()), "both are replaced")
    assert 'reason="it has served for 1 s (max_age)"' in server.output
    with Wire(server.address) as wire:
        assert int(wire.exchange("GET", "/").body) in server.child_pids()
