"""Threads of the application keep getting the interpreter while requests come without a pause."""

import json
from pathlib import Path

from tests.conftest import StartServer
from tests.serving.wire import Wire

APPS = Path(__file__).parents[1] / "apps"

REQUESTS = 1_000


def test_a_computing_thread_and_a_beating_one_go_on_under_load(start_server: StartServer) -> None:
    server = start_server("trivet", "background:application", APPS)
    with Wire(server.address) as wire:
        before = json.loads(wire.exchange("GET", "/").body)
        for _ in range(REQUESTS):
            last = json.loads(wire.exchange("GET", "/").body)
    assert last["computed_seconds"] > before["computed_seconds"]
    assert last["beats"] > before["beats"] + 5
    # CPython changes threads every 5 ms; a second would be a starved pool.
    assert last["latest_beat_seconds"] < 1.0
