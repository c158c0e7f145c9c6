"""Statistics of a running server, as a statsd server adds them up."""

import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

# name:value|type, perhaps with a sample rate, perhaps with tags.
LINE = re.compile(r"([\w.]+):([\d.]+)\|(c|g|ms)(?:\|@([\d.]+))?(?:\|#(.*))?")


class Statsd:
    """A statsd server that adds up what it is sent, as the real ones do."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver
        self._receiver.setblocking(False)
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self.timed: Counter[str] = Counter()
        self.tags: set[str | None] = set()

    def read(self) -> None:
        """Take what has come."""
        try:
            while True:
                for line in self._receiver.recv(65536).decode().splitlines():
                    self._take(line)
        except BlockingIOError:
            return

    def _take(self, line: str) -> None:
        found = LINE.fullmatch(line)
        assert found is not None, f"no statistic: {line!r}"
        name, value, kind, rate, tags = found.groups()
        self.tags.add(tags)
        if kind == "c":
            self.counts[name] += int(value)
        elif kind == "g":
            self.gauges[name] = float(value)
        else:
            self.timed[name] += 1 / float(rate or 1)  # type: ignore[assignment]  # weights are no whole numbers

    def wait_for(self, server: ServerProcess, name: str, count: int) -> None:
        def has_come() -> bool:
            self.read()
            return self.counts[name] >= count

        server.wait_until(has_come, f"{name} is {count}")


@contextmanager
def udp_receiver() -> Iterator[tuple[Statsd, str]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        yield Statsd(receiver), f"127.0.0.1:{receiver.getsockname()[1]}"


def ask(server: ServerProcess, statuses: list[int]) -> None:
    with Wire(server.address) as wire:
        for status in statuses:
            assert wire.exchange("GET", f"/{status}").status == status


def test_counts_are_exact_under_gunicorns_names_also_across_a_reload(
    start_server: StartServer,
) -> None:
    with udp_receiver() as (statsd, address):
        server = start_server(
            "trivet",
            "counted:app",
            APPS,
            workers=2,
            extra_arguments=["--statsd", address, "--statsd-prefix", "shop.gunicorn"],
        )
        server.wait_for_output("server-ready")
        ask(server, [200] * 300 + [404] * 20)
        statsd.read()
        server.signal(signal.SIGHUP)

        def has_reloaded() -> bool:
            statsd.read()  # reports must not pile up: the socket's buffer has an end
            return "reloaded" in server.output

        server.wait_until(has_reloaded, "it has reloaded")
        ask(server, [200] * 30 + [503] * 7)
        statsd.read()
        assert server.stop() == 0
        statsd.read()  # the last report has come with the end of the server
    counts = {name.removeprefix("shop.gunicorn."): n for name, n in statsd.counts.items()}
    assert counts["requests"] == 357
    statuses = {name: n for name, n in counts.items() if name.startswith("request.status.")}
    assert statuses == {
        "request.status.200": 330,
        "request.status.404": 20,
        "request.status.503": 7,
    }
    assert counts["worker_restarts.reload"] == 2
    assert round(statsd.timed["shop.gunicorn.request.duration"]) == 357
    assert statsd.gauges["shop.gunicorn.workers"] == 0, "the last report is of the end"
    assert statsd.tags == {None}


def test_a_unix_socket_that_is_made_later_gets_what_happens_from_then_on(
    start_server: StartServer, tmp_path: Path
) -> None:
    path = tmp_path / "statsd.sock"
    flags = ["--statsd", f"unix:{path}", "--statsd-tags", "env:test,team:shop"]
    server = start_server("trivet", "counted:app", APPS, extra_arguments=flags)
    server.wait_for_output("statsd-unreachable")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(os.fspath(path))
        statsd = Statsd(receiver)

        def reports_come() -> bool:
            statsd.read()
            return statsd.gauges.get("trivet.workers_ready") == 1

        server.wait_until(reports_come, "a report comes")
        ask(server, [200] * 5)
        statsd.wait_for(server, "trivet.requests", 5)
    assert statsd.counts["trivet.requests"] == 5
    assert statsd.tags == {"env:test,team:shop"}
    assert server.output.count("statsd-unreachable") == 1
    assert server.stop() == 0


def test_addresses_that_nobody_has_are_told_once_and_stop_nothing(
    start_server: StartServer,
) -> None:
    with ExitStack() as stack:
        gone = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    # RFC 6761 section 6.4: no name server has names in .invalid.
    flags = ["--statsd", f"127.0.0.1:{port}", "--statsd", "statsd.invalid:8125"]
    server = start_server("trivet", "counted:app", APPS, extra_arguments=flags)
    server.wait_until(lambda: server.output.count("statsd-unreachable") == 2, "both are told")
    ask(server, [200] * 5)
    assert server.stop() == 0
    assert server.output.count("statsd-unreachable") == 2
