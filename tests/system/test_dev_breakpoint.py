"""breakpoint() in a view of `trivet dev`: pdb has the keyboard, and the keys work afterwards."""

import os
import queue
import sys
import threading
import urllib.request
from pathlib import Path

import pexpect
import pytest

from tests.projects import write_project
from tests.serving.addresses import free_tcp_address

pytestmark = pytest.mark.system

APP = """
def app(environ, start_response):
    words = "the words"
    breakpoint()
    start_response("200 OK", [("Content-Length", str(len(words)))])
    return [words.encode()]
"""


def test_pdb_has_the_keyboard_until_it_is_done(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", {"app.py": APP})
    address = free_tcp_address()
    child = pexpect.spawn(
        sys.executable,
        ["-m", "trivet", "dev", "app:app", "--bind", address.bind],
        cwd=str(project),
        timeout=30,
        encoding="utf-8",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TERM": "xterm-256color",
            "PYTHONUTF8": "1",
        },
    )
    child.delaybeforesend = None
    answers: queue.Queue[str] = queue.Queue()

    def ask() -> None:
        with urllib.request.urlopen(f"http://{address.authority}/", timeout=30) as answer:
            answers.put(answer.read().decode())

    try:
        child.expect("answers|ready|listening|q quit")
        threading.Thread(target=ask, daemon=True).start()
        child.expect_exact("(Pdb) ")
        # As keys, q and r would stop the server and start it anew.
        child.sendline("words = 'qr' + words")
        child.expect_exact("(Pdb) ")
        child.sendline("c")
        assert answers.get(timeout=30) == "qrthe words"
        child.expect("GET ")
        child.send("q")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
