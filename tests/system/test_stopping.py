"""How a server ends: what is in flight is finished, and nothing is left behind.

Only servers that stop gracefully are asked; waitress leaves TERM to the kernel.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.load import under_load
from tests.serving.process import ServerProcess, takes_connections
from tests.serving.wire import ConnectionCut, Wire
from tests.system.applications import APPS
from tests.system.test_processes import WITHIN_THE_USUAL_GRACE_SECONDS

pytestmark = pytest.mark.system


@pytest.fixture
def serve_waiting(start_server: StartServer, tmp_path: Path) -> "ServeWaiting":
    return ServeWaiting(start_server, tmp_path)


class ServeWaiting:
    """Starts the application `waiting`, and holds requests inside it."""

    def __init__(self, start_server: StartServer, folder: Path) -> None:
        self._start_server = start_server
        self._folder = folder
        self.count_path = folder / "count"

    def start(self, *arguments: str, workers: int = 1) -> ServerProcess:
        return self._start_server(
            "trivet",
            "waiting:app",
            APPS,
            workers=workers,
            extra_arguments=arguments,
            environment={"COUNT_FILE": str(self.count_path)},
        )

    @contextmanager
    def request_in_flight(self, server: ServerProcess) -> Iterator[tuple[Wire, int]]:
        """Yield a connection whose request is inside the view, and what lets the view go on.

        Writing to the descriptor and closing it ends the wait.
        """
        fifo = self._folder / f"fifo-{len(list(self._folder.glob('fifo-*')))}"
        os.mkfifo(fifo)
        with Wire(server.address) as wire:
            wire.request("GET", f"/wait?fifo={fifo}")
            # fifo(7): this blocks until the view has opened the other end.
            yield wire, os.open(fifo, os.O_WRONLY)


def let_go(descriptor: int) -> None:
    os.write(descriptor, b"the test")
    os.close(descriptor)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_in_flight_is_finished(
    serve_waiting: ServeWaiting, number: signal.Signals, workers: int
) -> None:
    server = serve_waiting.start(workers=workers)
    with serve_waiting.request_in_flight(server) as (wire, descriptor):
        server.signal(number)
        server.wait_until(lambda: not takes_connections(server.address), "connections are refused")
        let_go(descriptor)
        answer = wire.read_response()
        assert answer.body == b"waited for the test"
        assert answer.says_close
        assert wire.is_closed()
    assert server.wait() == 0
    assert not server.has_left_processes()


def test_an_idle_connection_is_closed_and_does_not_delay_the_end(
    serve_waiting: ServeWaiting,
) -> None:
    server = serve_waiting.start()
    with Wire(server.address) as idle:
        assert idle.exchange("GET", "/process").status == 200
        server.signal(signal.SIGTERM)
        assert idle.is_closed()
        assert server.wait(WITHIN_THE_USUAL_GRACE_SECONDS) == 0


def test_a_connection_that_never_spoke_does_not_delay_the_end(serve_waiting: ServeWaiting) -> None:
    server = serve_waiting.start()
    with Wire(server.address) as silent, Wire(server.address) as other:
        assert other.exchange("GET", "/process").status == 200
        server.signal(signal.SIGTERM)
        assert server.wait(WITHIN_THE_USUAL_GRACE_SECONDS) == 0
        assert silent.is_closed()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["INT", "QUIT"])
def test_a_second_signal_ends_it_at_once(
    serve_waiting: ServeWaiting, number: signal.Signals
) -> None:
    server = serve_waiting.start()
    with serve_waiting.request_in_flight(server) as (wire, descriptor):
        server.signal(signal.SIGINT)
        server.wait_until(lambda: not takes_connections(server.address), "connections are refused")
        # Two INTs at the same moment count as one key press, so it is pressed until it works.
        server.wait_until(
            lambda: ended_or_press(server, number),
            "it has ended",
            WITHIN_THE_USUAL_GRACE_SECONDS,
        )
        os.close(descriptor)
        with pytest.raises(ConnectionCut):
            wire.read_response()
    assert not server.has_left_processes()


def ended_or_press(server: ServerProcess, number: signal.Signals) -> bool:
    """Tell whether the server has ended; if not, send the signal once more."""
    ended = server.has_ended()
    if not ended:
        server.signal(number)
    return ended


def test_the_graceful_timeout_bounds_the_wait(serve_waiting: ServeWaiting) -> None:
    server = serve_waiting.start("--graceful-timeout", "1s")
    with serve_waiting.request_in_flight(server) as (_, descriptor):
        server.signal(signal.SIGTERM)
        server.wait(WITHIN_THE_USUAL_GRACE_SECONDS)
        os.close(descriptor)
    assert not server.has_left_processes()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_request_that_reached_the_app_is_answered(
    serve_waiting: ServeWaiting, workers: int
) -> None:
    """TERM under load. The app counts its calls in a file; the clients count whole answers."""
    server = serve_waiting.start(workers=workers)
    with under_load(server.address, "/count", clients=16) as load:
        load.wait_for_answers(500)
        assert server.stop() == 0
    assert load.wrong == []
    assert serve_waiting.count_path.stat().st_size == load.answers
    # A request that crosses the closing of its idle connection was never taken (RFC 9112 9.5);
    # each client can lose no more than that one.
    assert len(load.failures) <= 16, load.failures[:3]


def test_no_answer_is_cut_in_the_middle_when_it_stops(serve_waiting: ServeWaiting) -> None:
    server = serve_waiting.start()
    with under_load(server.address, "/process", clients=16) as load:
        load.wait_for_answers(500)
        assert server.stop() == 0
    cut = [failure for failure in load.failures if "after b''" not in failure.error]
    assert [failure for failure in cut if "HTTP/1.1" in failure.error] == []
