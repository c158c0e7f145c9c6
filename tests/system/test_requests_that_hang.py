"""Views that never come back: clients hear 504, the log names the line, others are served."""

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS
from trivet.settings.table import SPECS

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

CLOSE = [("Connection", "close")]
JSON = ("--log-format", "json")


def line_of(text: str) -> int:
    """The number of the line in stuck.py that says so."""
    lines = (APPS / "stuck.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def start(start_server: StartServer) -> Callable[..., ServerProcess]:
    def start(*arguments: str, workers: int = 1) -> ServerProcess:
        return start_server(
            "trivet", "stuck:app", APPS, workers=workers, extra_arguments=list(arguments)
        )

    return start


def ask(server: ServerProcess, path: str) -> tuple[int, str]:
    with Wire(server.address) as wire:
        response = wire.exchange("GET", path, CLOSE)
        return response.status, response.body.decode()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_view_that_sleeps_is_answered_with_504_and_its_worker_replaced(
    start: Callable[..., ServerProcess], workers: int
) -> None:
    server = start("--timeout", "1s", "--graceful-timeout", "1s", workers=workers)
    with Wire(server.address) as stuck:
        stuck.request("GET", "/sleep")
        pid = ask(server, "/process")[1]
        assert pid
        response = stuck.read_response()
        assert (response.status, response.says_close) == (504, True)
    line = line_of("the line that sleeps")
    server.wait_for_output(rf"request-timed-out .*stuck\.py:{line} in sleep")
    # From the app on: what has called it is the same for every request.
    server.wait_for_output(r' answer=504 [^\n]*\n +File ".*stuck\.py", line \d+, in app\n')
    server.wait_for_output(rf'File ".*stuck\.py", line {line}, in sleep')
    # Python cannot interrupt time.sleep(): the worker goes, after its successor has come.
    retired = int(server.wait_for_output(r"worker-retired .*pid=(\d+) .*a thread is stuck")[1])
    server.wait_until(lambda: retired not in server.child_pids(), "the worker has ended")
    assert ask(server, "/process")[0] == 200
    assert server.stop() == 0
    # Its client has had the answer.
    assert "connections-cut" not in server.output


@pytest.mark.parametrize("path", ["/loop", "/loop-and-catch"])
def test_an_endless_loop_is_ended_and_the_worker_stays(
    start: Callable[..., ServerProcess], path: str
) -> None:
    server = start("--timeout", "1s")
    pid = ask(server, "/process")[1]
    assert ask(server, path)[0] == 504
    server.wait_for_output(r"request-timed-out .*stuck\.py:\d+ in loop")
    # The line in the access log is written when the thread has come back.
    server.wait_for_output(rf'"GET {path} HTTP/1.1" 504 ')
    assert ask(server, "/process") == (200, pid)
    assert "worker-retired" not in server.output
    assert "Traceback" not in server.output
    assert server.stop() == 0


def test_a_view_that_holds_the_interpreter_is_found_and_its_worker_replaced(
    start: Callable[..., ServerProcess],
) -> None:
    server = start("--timeout", "1s", "--graceful-timeout", "50s")
    before = ask(server, "/process")[1]
    assert ask(server, "/hold")[0] == 504
    line = line_of("the line that holds it")
    server.wait_for_output(
        rf"worker-stuck .*requests=\"GET /hold for \S+ s at \S+stuck\.py:{line} in hold_the_inter"
    )
    server.wait_for_output(r"worker-retired .*holds its interpreter")
    server.wait_until(
        lambda: ask(server, "/process") not in ((200, before), (504, "")), "a successor serves"
    )
    # Its other requests have had their own deadline by then: it is not waited for 50 s.
    server.wait_for_output(rf"workers-killed workers=1 seconds=1 pids={before}\n")
    assert ask(server, "/process")[0] == 200
    assert server.stop() == 0


def stuck_beside_a_sleeper(server: ServerProcess, target: str) -> dict[str, Any]:
    """The event about a view that holds the interpreter while another one sleeps."""
    with Wire(server.address) as sleeps, Wire(server.address) as holds:
        sleeps.request("GET", "/sleep")
        server.wait_for_output(r'"event": "slow-request"[^\n]*"target": "/sleep"')
        holds.request("GET", target)
        assert {sleeps.read_response().status, holds.read_response().status} == {504}
    event = server.wait_for_output(r'\{[^\n]*"event": "worker-stuck"[^\n]*\}')[0]
    told: dict[str, Any] = json.loads(event)
    return told


def test_one_that_sleeps_is_not_accused_of_what_another_one_does(
    start: Callable[..., ServerProcess],
) -> None:
    server = start("--timeout", "2s", "--slow", "100ms", "--graceful-timeout", "1s", *JSON)
    told = stuck_beside_a_sleeper(server, "/hold")
    # Both wait in the same call of the operating system: nobody can tell which one holds the lock.
    assert re.fullmatch(r"GET /sleep for .* in sleep; GET /hold for .*", told["requests"])
    assert "target" not in told
    server.wait_for_output("workers-killed")
    assert server.stop() == 0


def test_one_that_computes_while_it_holds_the_interpreter_is_told_from_one_that_sleeps(
    start: Callable[..., ServerProcess],
) -> None:
    server = start("--timeout", "2s", "--slow", "100ms", "--graceful-timeout", "1s", *JSON)
    told = stuck_beside_a_sleeper(server, "/backtrack")
    assert re.fullmatch(
        r"GET /backtrack for \S+ s, computing, at .*; GET /sleep .*", told["requests"]
    )
    assert told["target"] == "/backtrack"
    assert told["place"].endswith(
        f"stuck.py:{line_of('the line that tries them all')} in backtrack"
    )
    server.wait_for_output("workers-killed")
    assert server.stop() == 0


def test_the_very_first_request_may_hold_the_interpreter(
    start: Callable[..., ServerProcess],
) -> None:
    server = start("--timeout", "1s", "--graceful-timeout", "2s")
    # The address is bound before there is a worker: it finds this request waiting.
    with Wire(server.address) as stuck:
        stuck.request("GET", "/hold")
        assert stuck.read_response().status == 504
    server.wait_for_output("server-ready")
    server.wait_for_output(r"worker-stuck .* in hold_the_interpreter")
    server.wait_for_output("workers-killed")
    assert ask(server, "/process")[0] == 200
    assert "worker-still-loading" not in server.output
    assert server.stop() == 0


def test_while_one_worker_is_held_the_other_serves(start: Callable[..., ServerProcess]) -> None:
    server = start("--timeout", "2s", workers=2)
    with Wire(server.address) as stuck:
        stuck.request("GET", "/hold")
        # What the held worker took in its first tenth of a second is answered with 504, in time.
        statuses = {ask(server, "/process")[0] for _ in range(200)}
        assert 200 in statuses
        assert statuses <= {200, 504}
        assert stuck.read_response().status == 504
    server.wait_for_output("worker-stuck")
    assert server.stop() == 0


def test_a_slow_request_is_told_of_and_goes_on(start: Callable[..., ServerProcess]) -> None:
    server = start("--slow", "100ms", "--timeout", "1s", "--log-format", "json")
    assert ask(server, "/loop")[0] == 504
    match = server.wait_for_output(r'\{[^\n]*"event": "slow-request"[^\n]*\}')
    told = json.loads(match[0])
    assert (told["method"], told["target"]) == ("GET", "/loop")
    assert re.search(r"stuck\.py\", line \d+, in loop", told["detail"])
    assert server.stop() == 0


def test_a_stop_waits_for_no_request_that_has_timed_out_and_come_back(
    start: Callable[..., ServerProcess],
) -> None:
    server = start("--timeout", "1s")
    with Wire(server.address) as wire:
        wire.request("GET", "/loop")
        assert wire.read_response().status == 504
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "connections-cut" not in server.output


def test_a_script_has_no_deadline_unless_it_asks_for_one() -> None:
    assert SPECS["timeout"].default_in("script") == 0
    assert SPECS["timeout"].default_in("serve") == 30
