"""System calls that fail as they do on a bad day: strace makes them, and the server goes on.

Each row is a fault, and a request during which it happens. The answer is whole or visibly cut, the
next ones are right, and the worker is the same with as many descriptors.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import ConnectionCut, Wire

APPS = Path(__file__).parents[1] / "apps"
STREAM = b"".join(b"%0799d\n" % number for number in range(500))
LARGE = b"x" * 200_000
BODIES = {"/": b"plain", "/echo": LARGE, "/stream": STREAM, "/file": b"f" * 300_000}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("strace") is None, reason="needs strace"
)

#: What must come of the request: all of it, or also a visible cut.
WHOLE, WHOLE_OR_CUT = "whole", "whole or cut"

#: What strace is told, and during which request; it counts `when` for each thread.
FAULTS = [
    ("accept4:error=EMFILE:when=1..2", "/", WHOLE),
    ("accept4:error=ENFILE:when=1..2", "/", WHOLE),
    ("accept4:error=ENOMEM:when=1", "/", WHOLE),
    ("accept4:error=ENOBUFS:when=1", "/", WHOLE),
    ("accept4:error=ECONNABORTED:when=1", "/", WHOLE),
    ("accept4:error=EINTR:when=1", "/", WHOLE),
    ("epoll_wait,epoll_pwait,epoll_pwait2:error=EINTR:when=1..3", "/", WHOLE),
    ("recvfrom:error=EINTR:when=1", "/echo", WHOLE),
    ("recvfrom:error=ECONNRESET:when=1", "/echo", WHOLE_OR_CUT),
    ("recvfrom:error=ETIMEDOUT:when=2", "/echo", WHOLE_OR_CUT),
    ("recvfrom:error=ENOMEM:when=1", "/", WHOLE_OR_CUT),
    ("sendto:error=EINTR:when=1", "/", WHOLE),
    ("sendto:error=EAGAIN:when=1", "/", WHOLE),
    ("sendto:error=EAGAIN:when=2..5", "/stream", WHOLE),
    ("sendto:error=ECONNRESET:when=1", "/", WHOLE_OR_CUT),
    ("sendto:error=EPIPE:when=3", "/stream", WHOLE_OR_CUT),
    ("sendto:error=ENOBUFS:when=2", "/stream", WHOLE_OR_CUT),
    ("sendmsg:error=EAGAIN:when=1..2", "/echo", WHOLE),
    ("sendmsg:error=EINTR:when=1", "/echo", WHOLE),
    ("sendmsg:error=ECONNRESET:when=1", "/echo", WHOLE_OR_CUT),
    ("sendmsg:error=ENOMEM:when=1", "/echo", WHOLE_OR_CUT),
    ("sendfile:error=EAGAIN:when=1", "/file", WHOLE),
    ("sendfile:error=EINTR:when=1", "/file", WHOLE),
    ("sendfile:error=EIO:when=1", "/file", WHOLE_OR_CUT),
    ("sendfile:error=ECONNRESET:when=1", "/file", WHOLE_OR_CUT),
]


@pytest.fixture(scope="module")
def server(start_server_for_session: StartServer) -> ServerProcess:
    return start_server_for_session("trivet", "bodies:app", APPS)


@pytest.mark.parametrize(
    ("fault", "target", "outcome"), FAULTS, ids=[f"{fault} at {at}" for fault, at, _ in FAULTS]
)
def test_a_system_call_that_fails_costs_one_request_at_most(
    server: ServerProcess, tmp_path: Path, fault: str, target: str, outcome: str
) -> None:
    worker = int(ask(server, "/process"))
    before = descriptors(worker)
    with injecting(worker, fault, tmp_path / "trace"):
        try:
            assert ask(server, target) == BODIES[target]
        except ConnectionCut:
            assert outcome == WHOLE_OR_CUT
        for again in BODIES:
            # Faults that come later than the first request may hit one of these.
            try:
                assert ask(server, again) == BODIES[again]
            except ConnectionCut:
                assert outcome == WHOLE_OR_CUT
    traced = (tmp_path / "trace").read_text()
    assert "(INJECTED)" in traced, f"nothing was injected: {traced[-500:]}"
    for again in BODIES:
        assert ask(server, again) == BODIES[again]
    assert int(ask(server, "/process")) == worker
    server.wait_until(lambda: descriptors(worker) <= before, "gives its descriptors back")


def ask(server: ServerProcess, target: str) -> bytes:
    body = LARGE if target == "/echo" else None
    with Wire(server.address) as wire:
        try:
            answer = wire.exchange("POST" if body else "GET", target, body=body)
        except ConnectionError as error:
            raise ConnectionCut(str(error)) from error
    if answer.status in (400, 408):
        raise ConnectionCut(f"the server lost the request: {answer.status}")
    assert answer.status == 200, answer
    return answer.body


def descriptors(worker: int) -> int:
    return len(os.listdir(f"/proc/{worker}/fd"))


@contextmanager
def injecting(worker: int, fault: str, trace: Path) -> Iterator[None]:
    """Let strace put a fault into a process while the block runs."""
    calls = fault.partition(":")[0]
    command = ["strace", "-f", "-o", str(trace), "-e", f"trace={calls}", "-e", f"inject={fault}"]
    strace = subprocess.Popen(
        [*command, "-p", str(worker)], stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert strace.stderr is not None
    try:
        line = strace.stderr.readline()
        if "Operation not permitted" in line:
            pytest.skip("processes may not be traced here")
        assert "attached" in line, line
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(20)
        strace.stderr.close()
