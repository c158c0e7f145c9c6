"""The number of workers follows the load: a server under it gets more of them, and says why."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import free_tcp_address
from tests.serving.load import under_load
from tests.serving.process import ServerProcess

pytestmark = pytest.mark.system

#: Holds its thread and no processor, so that only busy threads can be the reason.
APP = """\
import time

def app(environ, start_response):
    time.sleep(0.2)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.mark.timeout(180)
def test_a_server_whose_threads_are_busy_gets_workers_up_to_the_most(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    address = free_tcp_address()
    (tmp_path / "shop.py").write_text(APP)
    command = [sys.executable, "-m", "trivet", "serve", "shop", "--no-access-log"]
    bounds = ["--workers", "1", "--max-workers", "3", "--threads", "2", "--bind", address.bind]
    server = start_command([*command, *bounds], tmp_path, [address])
    server.wait_for_output("workers-chosen workers=1 .*from 1 to 3, as the load asks for")
    server.wait_for_output("server-ready")
    with under_load(address, "/", clients=16, closing=4) as load:
        server.wait_for_output('scaling cause="load: [^"]+" before=1 workers=2')
        server.wait_for_output('scaling cause="load: [^"]+" before=2 workers=3')
        server.wait_until(lambda: len(server.child_pids()) == 3, "there are three workers")
        load.wait_for_answers(load.answers + 50)
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    assert server.stop() == 0
    assert "workers=4" not in server.output
