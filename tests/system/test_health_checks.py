"""Health checks of a real server: while its threads are blocked, and while it stops."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.metrics import Page
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

BLOCKED_THREADS = 4


def check(server: ServerProcess, path: str = "/-/ready") -> int:
    with Wire(server.address) as wire:
        return wire.exchange("GET", path).status


def healthcheck(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trivet", "healthcheck", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_both_answer_while_every_thread_is_blocked(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server("trivet", "waiting:app", APPS, threads=BLOCKED_THREADS)
    with ExitStack() as clients, ExitStack() as fifos:
        blocked = []
        for number in range(BLOCKED_THREADS):
            fifo = tmp_path / f"fifo-{number}"
            os.mkfifo(fifo)
            wire = clients.enter_context(Wire(server.address))
            wire.request("GET", f"/wait?fifo={fifo}")
            # fifo(7): returns when a view has opened the other end, which reads until this closes.
            fifos.enter_context(fifo.open("wb"))
            blocked.append(wire)
        for path in ("/-/live", "/-/ready"):
            assert [check(server, path) for _ in range(5)] == [200] * 5
        fifos.close()
        for wire in blocked:
            assert wire.read_response().status == 200
    assert "/-/" not in server.output, "health checks are not in the access log"
    assert server.stop() == 0


def test_both_answer_while_more_requests_wait_than_two_full_workers_take_at_once(
    start_server: StartServer, tmp_path: Path
) -> None:
    page = Page(free_tcp_address())
    server = start_server(
        "trivet",
        "waiting:app",
        APPS,
        workers=2,
        threads=BLOCKED_THREADS,
        extra_arguments=["--metrics", page.address.authority],
    )
    server.wait_for_output("server-ready")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)  # nobody opens its other end
    with ExitStack() as clients:
        for _ in range(300):
            wire = clients.enter_context(Wire(server.address))
            wire.request("GET", f"/wait?fifo={fifo}")
        server.wait_until(
            lambda: page.samples("trivet_threads_busy") == {(): 2 * BLOCKED_THREADS},
            "every thread of both workers is blocked",
        )
        for path in ("/-/live", "/-/ready"):
            assert [check(server, path) for _ in range(20)] == [200] * 20
        assert page.samples("trivet_health_checks_total") == {(): 40}
        assert sum(page.samples("trivet_requests_total").values()) == 0
    server.signal(signal.SIGQUIT)
    assert server.wait() == 0


def test_readiness_ends_before_the_stop_begins(start_server: StartServer) -> None:
    server = start_server(
        "trivet", "waiting:app", APPS, workers=2, extra_arguments=["--drain-delay", "60s"]
    )
    server.wait_for_output("server-ready")
    assert check(server) == 200
    server.signal(signal.SIGTERM)
    server.wait_for_output("stop-announced")
    server.wait_until(
        lambda: {check(server) for _ in range(8)} == {503}, "no worker is ready any more"
    )
    assert check(server, "/-/live") == 200
    assert check(server, "/process") == 200
    # The second one does not wait for the rest of the minute.
    assert server.stop() == 0


def test_the_command_says_whether_a_server_is_ready(start_server: StartServer) -> None:
    server = start_server("trivet", "waiting:app", APPS)
    assert isinstance(server.address, TcpAddress)
    port = str(server.address.port)
    assert healthcheck(f"http://127.0.0.1:{port}").returncode == 0
    assert healthcheck(f"http://127.0.0.1:{port}/-/live").returncode == 0
    assert healthcheck(TRIVET_PORT=port).stdout == "ready\n"
    assert healthcheck("--port", port, "--host", "0.0.0.0").returncode == 0
    assert server.stop() == 0
    gone = healthcheck("--port", port)
    assert gone.returncode == 1
    assert gone.stderr.startswith(f"not ready: 127.0.0.1:{port}: ")


def test_the_command_refuses_what_is_no_address() -> None:
    result = healthcheck("ftp://x")
    assert result.returncode == 2
    assert "ftp://x is no address of a server" in result.stderr
    assert "trivet healthcheck has no flag --json" in healthcheck("--json").stderr
