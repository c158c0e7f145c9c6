"""An editor attaches to `trivet dev` through debugpy: breakpoints hold, also after a reload."""

import os
import queue
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.system.editor_client import PATIENCE_SECONDS, EditorClient

pytest.importorskip("debugpy", reason="debugpy is not installed")

pytestmark = pytest.mark.system

APP = """\
import os

def app(environ, start_response):
    words = "first"
    body = f"{words} {os.getpid()}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
LINE_OF_THE_BODY = 5


def get(address: TcpAddress) -> str:
    with urllib.request.urlopen(f"http://{address.authority}/", timeout=PATIENCE_SECONDS) as answer:
        return str(answer.read().decode())


def ask(address: TcpAddress) -> "queue.Queue[str]":
    """Ask for the page in a thread of its own: it stands at the breakpoint for a while."""
    answers: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: answers.put(get(address)), daemon=True).start()
    return answers


def test_an_editor_attaches_and_follows_the_app_across_a_reload(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> None:
    file = tmp_path / "app.py"
    file.write_text(APP)
    address, adapter = free_tcp_address(), free_tcp_address()
    # The command of docs/guides/development.md.
    process = start_command(
        [
            *(sys.executable, "-X", "frozen_modules=off", "-m", "debugpy"),
            *("--listen", adapter.authority, "-m", "trivet", "dev"),
            *("app:app", "--bind", address.bind),
        ],
        tmp_path,
        [address],
        PYTHONPATH=os.pathsep.join([str(trivet_folder), *sys.path]),
    )
    process.wait_for_output("dev-started")
    process.wait_for_output("dev-ready")
    words, worker = get(address).split()
    editor = EditorClient(adapter, file, LINE_OF_THE_BODY)
    try:
        editor.attach()
        editor.wait_until_watched(int(worker))
        answers = ask(address)
        stop = editor.wait_for_stop()
        assert stop.evaluate("words") == "'first'"
        stop.evaluate("words = words.upper()")
        stop.go_on()
        assert answers.get(timeout=PATIENCE_SECONDS) == f"FIRST {worker}"

        draft = tmp_path / "draft"
        draft.write_text(APP.replace("first", "second"))
        draft.rename(file)
        process.wait_for_output("dev-reloaded")
        answers = ask(address)
        stop = editor.wait_for_stop()
        assert stop.evaluate("words") == "'second'"
        stop.go_on()
        words, successor = answers.get(timeout=PATIENCE_SECONDS).split()
        assert words == "second"
        assert successor != worker
        assert "an editor's debugger is attached" in process.output
    finally:
        editor.close()
