"""A server that has used up its file descriptors goes on with those that ask."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.wire import Wire

APPS = Path(__file__).parents[1] / "apps"

LIMIT = 64
CLIENTS = 90

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")


def test_idle_connections_make_room_for_new_ones(start_server: StartServer) -> None:
    import resource

    server = start_server("trivet", "waiting:app", APPS)
    server.wait_for_output("server-ready")  # what listens before that is the supervisor
    for worker in server.child_pids():
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    with ExitStack() as connections:
        for _ in range(CLIENTS):
            wire = connections.enter_context(Wire(server.address))
            assert wire.exchange("GET", "/process").status == 200
    with Wire(server.address) as wire:
        assert wire.exchange("GET", "/process").status == 200
