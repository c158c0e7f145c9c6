"""Ids of requests, and the wait in front: what is believed, told to the app, logged."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Response, Wire

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

APP = """\
import json

KEYS = ("trivet.request_id", "trivet.proxy_queue_seconds", "HTTP_X_REQUEST_ID")


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raises":
        raise ValueError("on purpose")
    if path == "/waits":
        open("gate").read()
    own = [("x-request-id", "the-app's")] if path == "/own" else []
    start_response("200 OK", own)
    return [json.dumps({key: environ[key] for key in KEYS if key in environ}).encode()]
"""
MADE = r"[0-9a-f]{32}"
TRUSTED = ("--trusted-proxies", "127.0.0.1")
ON = ("--request-id", "on")


@pytest.fixture
def serve(start_server: StartServer, tmp_path: Path) -> Callable[..., ServerProcess]:
    (tmp_path / "shop.py").write_text(APP)
    os.mkfifo(tmp_path / "gate")

    def start(*arguments: str) -> ServerProcess:
        more = ("--log-format", "json", *arguments)
        server = start_server("trivet", "shop:app", tmp_path, extra_arguments=more)
        server.wait_for_output('"server-ready".*\n')
        return server

    return start


def go_on(tmp_path: Path) -> None:
    """Let the views return that wait, in whichever process: a worker may be retired meanwhile."""
    (tmp_path / "gate").write_text("")


def ask(server: ServerProcess, path: str, *fields: tuple[str, str]) -> tuple[Response, Any]:
    with Wire(server.address) as wire:
        wire.request("GET", path, [("Host", "shop"), *fields])
        response = wire.read_response("GET")
    return response, json.loads(response.body) if response.status == 200 else None


def logged(server: ServerProcess, event: str, target: str) -> Any:
    """The event about this target, when it is there."""
    found: list[Any] = []

    def look() -> bool:
        complete = server.output.rpartition("\n")[0].split("\n")
        events = [json.loads(line) for line in complete if line.startswith("{")]
        found[:] = [e for e in events if (e["event"], e.get("target")) == (event, target)]
        return bool(found)

    server.wait_until(look, f"{event} about {target}")
    return found[0]


def test_a_made_id_is_the_same_in_answer_environ_and_log(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve(*ON)
    ids = set()
    for target in ("/one", "/two"):
        response, environ = ask(server, target, ("X-Request-Id", "forged"))
        id = response.get("X-Request-Id")
        assert id is not None
        assert re.fullmatch(MADE, id)
        assert environ == {"trivet.request_id": id, "HTTP_X_REQUEST_ID": id}
        assert logged(server, "request", target)["request_id"] == id
        ids.add(id)
    assert len(ids) == 2


def test_a_trusted_proxy_gives_the_id_if_it_is_harmless(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve(*ON, *TRUSTED)
    response, environ = ask(server, "/", ("X-Request-Id", "first"), ("x-request-id", "proxy-1"))
    assert response.get("X-Request-Id") == "proxy-1"
    assert environ["trivet.request_id"] == environ["HTTP_X_REQUEST_ID"] == "proxy-1"
    assert logged(server, "request", "/")["request_id"] == "proxy-1"
    for harmful in ('a"b', "a b", "<script>", "x" * 129, "é"):
        response, environ = ask(server, "/", ("X-Request-Id", harmful))
        assert re.fullmatch(MADE, str(response.get("X-Request-Id"))), harmful


def test_the_field_may_have_another_name(serve: Callable[..., ServerProcess]) -> None:
    server = serve("--request-id", "X-Correlation-Id", *TRUSTED)
    response, environ = ask(server, "/", ("X-Correlation-Id", "c"), ("X-Request-Id", "r"))
    assert response.get("X-Correlation-Id") == "c"
    assert response.get("X-Request-Id") is None
    assert environ == {"trivet.request_id": "c", "HTTP_X_REQUEST_ID": "r"}


def test_a_field_of_the_application_stays_the_only_one(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve(*ON)
    response, _ = ask(server, "/own")
    assert response.get("X-Request-Id") == "the-app's"
    assert re.fullmatch(MADE, logged(server, "request", "/own")["request_id"])


def test_an_answer_of_the_engine_for_the_app_has_the_id_too(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = serve(*ON, "--timeout", "2s")
    response, _ = ask(server, "/raises")
    assert response.status == 500
    for event in ("request-failed", "request"):
        assert response.get("X-Request-Id") == logged(server, event, "/raises")["request_id"]
    response, _ = ask(server, "/waits")
    assert response.status == 504
    id = response.get("X-Request-Id")
    assert id == logged(server, "request-timed-out", "/waits")["request_id"]
    go_on(tmp_path)
    assert logged(server, "request", "/waits")["request_id"] == id


def test_messages_have_ids_also_where_nobody_asked_for_them(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = serve(*TRUSTED, "--slow", "100ms", "--timeout", "2s")
    response, environ = ask(server, "/", ("X-Request-Id", "as-sent"))
    assert response.get("X-Request-Id") is None
    assert environ == {"HTTP_X_REQUEST_ID": "as-sent"}
    assert "request_id" not in logged(server, "request", "/")
    ask(server, "/raises")
    failed = logged(server, "request-failed", "/raises")
    assert re.fullmatch(MADE, failed["request_id"])
    assert failed["error"] == "ValueError: on purpose"
    assert 'raise ValueError("on purpose")' in failed["detail"]
    ask(server, "/waits?1")
    id = logged(server, "slow-request", "/waits?1")["request_id"]
    assert re.fullmatch(MADE, id)
    assert logged(server, "request-timed-out", "/waits?1")["request_id"] == id
    ask(server, "/waits?2", ("X-Request-Id", "of-the-proxy"))
    assert logged(server, "slow-request", "/waits?2")["request_id"] == "of-the-proxy"
    go_on(tmp_path)


def test_stacks_tell_which_request_a_thread_has(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    control = tmp_path / "c.sock"
    server = serve(*ON, *TRUSTED, "--control", str(control), "--slow", "50ms")
    with Wire(server.address) as wire:
        wire.request("GET", "/waits", [("Host", "shop"), ("X-Request-Id", "stuck-1")])
        logged(server, "slow-request", "/waits")
        command = [sys.executable, "-m", "trivet", "stacks", "--control", str(control)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        go_on(tmp_path)
        assert wire.read_response("GET").status == 200
    assert re.search(r"trivet-\d+: GET /waits for \d+\.\d s, request stuck-1\n", shown)


def test_a_format_shows_the_id_and_the_wait_also_where_ids_are_off(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve("--access-log-format", "GOT %(target)s %(request_id)s %(proxy_queue)s")
    ask(server, "/x")
    server.wait_for_output(rf"(?m)^GOT /x {MADE} -$")


def test_the_wait_in_front_is_told_when_a_trusted_proxy_tells_it(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    metrics = tmp_path / "m.sock"
    server = serve(*TRUSTED, "--metrics", f"unix:{metrics}")
    start = time.time() - 100
    _, environ = ask(server, "/heroku", ("X-Request-Start", str(int(start * 1000))))
    # The test may be slow itself, but not faster than time.
    assert 100 <= environ["trivet.proxy_queue_seconds"] < 200
    told = logged(server, "request", "/heroku")["proxy_queue_ms"]
    assert told == pytest.approx(environ["trivet.proxy_queue_seconds"] * 1000, abs=0.01)
    _, environ = ask(server, "/ahead", ("X-Queue-Start", f"t={time.time() + 100:.3f}"))
    assert environ["trivet.proxy_queue_seconds"] == 0
    _, environ = ask(server, "/absurd", ("X-Request-Start", "t=1000000000"))
    assert environ == {}
    page = scrape(metrics)
    assert "trivet_proxy_queue_duration_seconds_count 2\n" in page
    assert 'trivet_proxy_queue_duration_seconds_bucket{le="60.0"} 1\n' in page


def test_the_wait_in_front_is_not_believed_from_anybody(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    metrics = tmp_path / "m.sock"
    server = serve("--metrics", f"unix:{metrics}")
    _, environ = ask(server, "/", ("X-Request-Start", f"t={time.time() - 100:.3f}"))
    assert environ == {}
    assert "proxy_queue_ms" not in logged(server, "request", "/")
    assert "trivet_proxy_queue_duration_seconds_count 0\n" in scrape(metrics)


def scrape(path: Path) -> str:
    from tests.serving.addresses import UnixAddress

    with Wire(UnixAddress(path)) as wire:
        return wire.exchange("GET", "/metrics", [("Host", "a")]).body.decode()
