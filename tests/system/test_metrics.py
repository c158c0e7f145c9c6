"""The metrics page of a running server: it agrees with what clients have counted, exactly."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import StartServer
from tests.serving.addresses import Address, free_tcp_address
from tests.serving.metrics import Page
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = pytest.mark.system

WORKERS = 4
CONNECTIONS = 16
PHASES = 10


def start(
    start_server: StartServer, workers: int, app: str = "counted:app", flags: Sequence[str] = ()
) -> tuple[ServerProcess, Page]:
    address = free_tcp_address()
    server = start_server(
        "trivet",
        app,
        APPS,
        workers=workers,
        extra_arguments=["--metrics", address.authority, "--no-access-log", *flags],
    )
    server.wait_for_output("metrics-served")
    page = Page(address)
    wait_for_workers(server, page, workers)
    return server, page


def wait_for_workers(server: ServerProcess, page: Page, workers: int) -> None:
    def all_serve() -> bool:
        return (
            page.samples("trivet_workers") == page.samples("trivet_workers_ready") == {(): workers}
        )

    server.wait_until(all_serve, f"{workers} workers are ready and no other is left")


def wait_for_answers(server: ServerProcess, page: Page, answers: int) -> None:
    server.wait_until(
        lambda: sum(page.samples("trivet_requests_total").values()) >= answers,
        "all answers are counted",
    )


def wait_for_restarts(server: ServerProcess, page: Page, reason: str, restarts: int) -> None:
    server.wait_until(
        lambda: page.samples("trivet_worker_restarts_total").get((reason,), 0) == restarts,
        f"{restarts} restarts are counted as {reason}",
    )


def ask(address: Address, requests: int) -> Counter[tuple[str, str]]:
    """Ask on several connections in turn; how many answers came, by method and class."""
    seen: Counter[tuple[str, str]] = Counter()
    wires = [Wire(address) for _ in range(CONNECTIONS)]
    for number in range(requests):
        method = ("GET", "GET", "HEAD", "PURGE")[number % 4]
        target = "/200" if number % 5 else "/404"
        answer = wires[number % CONNECTIONS].exchange(method, target, [])
        seen[method if method != "PURGE" else "other", f"{answer.status // 100}xx"] += 1
    for wire in wires:
        wire.socket.close()
    return seen


@pytest.mark.timeout(600)
def test_counters_add_up_to_what_clients_have_counted_across_restarts(
    start_server: StartServer, full_size: bool
) -> None:
    server, page = start(start_server, WORKERS)
    requests = 100_000 if full_size else 5_000
    seen: Counter[tuple[str, str]] = Counter()
    for phase in range(PHASES):
        seen += ask(server.address, requests // PHASES)
        # The last answer is with its client a moment before it is counted.
        wait_for_answers(server, page, seen.total())
        assert page.samples("trivet_requests_total") == dict(seen)
        if phase % 2:
            os.kill(server.child_pids()[phase % WORKERS], signal.SIGKILL)
            wait_for_restarts(server, page, "died", (phase + 1) // 2)
        else:
            server.signal(signal.SIGHUP)
            wait_for_restarts(server, page, "reload", WORKERS * (phase // 2 + 1))
        wait_for_workers(server, page, WORKERS)
        assert page.samples("trivet_requests_total") == dict(seen)
    for histogram in ("trivet_request_duration_seconds", "trivet_queue_duration_seconds"):
        assert page.samples(f"{histogram}_count") == {(): requests}
    # One more was made to see whether the server listens.
    assert page.samples("trivet_connections_accepted_total") == {(): CONNECTIONS * PHASES + 1}
    assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="preload is for Linux")
def test_workers_of_a_preload_parent_are_counted_across_a_reload_and_a_death(
    start_server: StartServer,
) -> None:
    server, page = start(start_server, 2, flags=["--preload"])
    seen = ask(server.address, 40)
    wait_for_answers(server, page, seen.total())
    server.signal(signal.SIGHUP)
    wait_for_restarts(server, page, "reload", 2)
    wait_for_workers(server, page, 2)
    seen += ask(server.address, 40)
    wait_for_answers(server, page, seen.total())
    worker = int(next(pid for _, pid in page.samples("trivet_worker_resident_bytes")))
    os.kill(worker, signal.SIGKILL)
    wait_for_restarts(server, page, "died", 1)
    wait_for_workers(server, page, 2)
    seen += ask(server.address, 40)
    wait_for_answers(server, page, seen.total())
    assert page.samples("trivet_requests_total") == dict(seen)
    assert server.stop() == 0


def test_both_formats_are_read_by_the_reference_parsers(start_server: StartServer) -> None:
    server, page = start(start_server, 2)
    ask(server.address, 40)
    plain = {family.name for family in text_string_to_metric_families(page.text())}
    text = page.text("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    strict = {family.name for family in openmetrics_families(text)}  # type: ignore[no-untyped-call]  # it has no types
    assert plain == strict
    assert page.samples("trivet_build_info")
    assert all(size > 0 for size in page.samples("trivet_worker_resident_bytes").values())
    assert server.stop() == 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about(start_server: StartServer) -> None:
    server, page = start(start_server, 1)
    ask(server.address, 20)
    command = ["promtool", "check", "metrics"]
    checked = subprocess.run(command, input=page.text(), capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_an_address_in_use_is_told_as_that_of_the_page() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        bind = free_tcp_address().bind
        command = [sys.executable, "-m", "trivet", "serve", "counted:app", "--bind", bind]
        refused = subprocess.run(
            [*command, "--metrics", taken], cwd=APPS, capture_output=True, text=True, check=False
        )
    assert refused.returncode == 4
    assert f"trivet: the metrics page: {taken} is in use" in refused.stderr
    # Another port for the app would be no help.
    assert "--metrics HOST:PORT" in refused.stderr
    assert "--port" not in refused.stderr


def test_visitors_that_ask_for_something_else_are_told_so(start_server: StartServer) -> None:
    _, page = start(start_server, 1)
    statuses = []
    for method, target in [("HEAD", "/metrics"), ("GET", "/"), ("POST", "/metrics")]:
        with Wire(page.address) as wire:
            statuses.append(wire.exchange(method, target, []).status)
    assert statuses == [200, 404, 405]
