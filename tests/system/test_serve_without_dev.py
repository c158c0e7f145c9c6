"""`trivet serve` runs nothing of `trivet dev`: no process of it imports a module from there."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

pytestmark = pytest.mark.system

APP = """
import json, sys

def app(environ, start_response):
    if environ["PATH_INFO"] == "/boom":
        raise ValueError("a view's own")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(sorted(sys.modules)).encode()]
"""


def test_no_process_of_production_imports_the_development_tools(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    address = free_tcp_address()
    server = start_command(
        [sys.executable, "-m", "trivet", "serve", "app:app", "--bind", address.bind, "-w", "2"],
        tmp_path,
        [address],
        PYTHONPATH=str(trivet_folder),
        PYTHONPROFILEIMPORTTIME="1",  # a line on standard error for every import of any process
        TRIVET_CONSOLE="on",
        TRIVET_EDITOR="code",
    )
    server.wait_until_listening()
    with Wire(address) as wire:
        failed = wire.exchange("GET", "/boom")
    with Wire(address) as wire:
        answer = wire.exchange("GET", "/")
        page = wire.exchange("GET", "/-/trivet/open?token=x")
    assert failed.status == 500
    assert b"Traceback" not in failed.body
    loaded = json.loads(answer.body)
    assert "trivet.engine.serve" in loaded
    assert not [name for name in loaded if name.startswith("trivet.dev")]
    assert page.status == 200, "the app's own page: nothing of ours is there"
    assert server.stop() == 0
    assert "trivet.worker.main" in server.output
    assert "trivet.dev" not in server.output
