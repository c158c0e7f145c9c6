"""CPU time of other processes, process trees, and servers that do not start."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import (
    ServerFailed,
    cpu_nanoseconds,
    free_port,
    process_tree,
    start_server,
    state_of,
)


def test_cpu_time_of_a_process_is_what_it_says_itself() -> None:
    before = time.process_time_ns()
    seen = cpu_nanoseconds(os.getpid())
    assert before <= seen <= time.process_time_ns()


def test_cpu_time_of_a_process_that_is_gone_is_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert cpu_nanoseconds(ended.pid) == 0


SERVER = """
import socket, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listener.accept()[0].close()
"""


def test_a_server_is_a_tree_that_can_be_frozen_and_goes_when_stopped(tmp_path: Path) -> None:
    port = free_port()
    server = start_server(
        [sys.executable, "-c", SERVER, str(port)],
        port=port,
        directory=tmp_path,
        log=tmp_path / "log",
    )
    try:
        tree = server.tree()
        server.freeze()
        states = {state_of(pid) for pid in tree}
        server.thaw()
    finally:
        server.stop()
    assert len(tree) == 2
    assert states == {"T"}
    assert process_tree(server.process.pid) == [server.process.pid]


def test_a_server_that_ends_at_once_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="no such app"):
        start_server(
            [sys.executable, "-c", "raise SystemExit('no such app')"],
            port=free_port(),
            directory=tmp_path,
            log=tmp_path / "log",
        )
