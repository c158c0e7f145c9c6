"""The access log as somebody has asked for it: formats, and what they show."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.serving.addresses import UnixAddress
from tests.serving.process import ServerProcess
from tests.serving.wire import Response, Wire

pytestmark = pytest.mark.system

APP = """\
def app(environ, start_response):
    if environ["PATH_INFO"] == "/raises":
        raise ValueError("on purpose")
    if environ["PATH_INFO"] == "/empty":
        start_response("204 No Content", [("X-Shop", "none")])
        return []
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Shop", 'a"b')])
    return [b"hello"]
"""


@pytest.fixture
def serve(start_server: StartServer, tmp_path: Path) -> Callable[..., ServerProcess]:
    (tmp_path / "shop.py").write_text(APP)

    def start(*arguments: str) -> ServerProcess:
        server = start_server("trivet", "shop:app", tmp_path, extra_arguments=arguments)
        server.wait_for_output("server-ready.*\n")
        return server

    return start


def ask(server: ServerProcess, path: str, *fields: tuple[str, str]) -> Response:
    with Wire(server.address) as wire:
        wire.request("GET", path, [("Host", "shop"), *fields])
        return wire.read_response("GET")


def lines_of(server: ServerProcess, marker: str, count: int = 1) -> list[str]:
    """The lines with a marker, when there are so many."""

    def found() -> list[str]:
        complete = server.output.rpartition("\n")[0].split("\n")
        return [line for line in complete if marker in line]

    server.wait_until(lambda: len(found()) >= count, f"{count} lines with {marker}")
    return found()


def test_a_format_string_of_gunicorn_makes_the_lines(serve: Callable[..., ServerProcess]) -> None:
    format = (
        "GOT %(h)s %(l)s %(u)s %(m)s %(U)s ?%(q)s %(H)s %(s)s %(B)s %(b)s '%(f)s' '%(a)s' "
        "%({x-one}i)s %({content-length}o)s %({X-Shop}o)s %({HTTP_X_TWO}e)s %(p)s"
    )
    server = serve("--access-log-format", format)
    user = base64.b64encode(b"ann:secret").decode()
    fields = [("X-One", "1"), ("X-Two", "2"), ("X-One", "3"), ("Referer", "r")]
    ask(server, "/a%20b?c=d", ("Authorization", f"Basic {user}"), *fields)
    (line,) = lines_of(server, "GOT")
    (worker,) = server.child_pids()
    assert line == (
        f"GOT 127.0.0.1 - ann GET /a%20b ?c=d HTTP/1.1 200 5 5 'r' '-' 1, 3 5 a\\\"b 2 <{worker}>"
    )
    ask(server, "/empty")
    assert lines_of(server, "GOT", 2)[1].endswith(f" 204 0 - '-' '-' - - none - <{worker}>")


def test_the_common_format_has_no_duration(serve: Callable[..., ServerProcess]) -> None:
    server = serve("--access-log-format", "common")
    ask(server, "/", ("User-Agent", "curl"))
    (line,) = lines_of(server, "GET / ")
    assert line.startswith("127.0.0.1 - - [")
    assert line.endswith('] "GET / HTTP/1.1" 200 5')


def test_a_format_that_is_an_object_of_json_stays_one(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve("--access-log-format", '{"agent": "%(a)s", "shop": "%({x-shop}o)s", "s": %(s)s}')
    agent = '\\","s":"forged\t\xff'
    ask(server, "/", ("User-Agent", agent))
    (line,) = lines_of(server, "agent")
    assert json.loads(line) == {"agent": agent, "shop": 'a"b', "s": 200}


def test_events_and_the_access_log_may_have_different_forms(
    serve: Callable[..., ServerProcess],
) -> None:
    server = serve("--access-log-format", "json", "--log-format", "text")
    ask(server, "/raises")
    (line,) = lines_of(server, '"event":"request"')
    assert json.loads(line)["status"] == 500
    assert "info server-ready" in server.output


def test_paths_may_be_left_out(serve: Callable[..., ServerProcess]) -> None:
    server = serve("--access-log-skip", "/st*", "--access-log-skip", "/raises")
    for path in ("/static/a.css", "/-/ready", "/raises", "/last"):
        ask(server, path)
    # A line is written when its client has the answer, and may have asked another thread since.
    shown = sorted(line.split('"')[1].split()[1] for line in lines_of(server, '"GET ', 2))
    assert shown == ["/last", "/raises"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_lines_that_a_full_disk_does_not_take_are_counted(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    metrics = tmp_path / "m.sock"
    server = serve("--access-log-file", "/dev/full", "--metrics", f"unix:{metrics}")
    for _ in range(3):
        assert ask(server, "/").status == 200

    def page() -> str:
        with Wire(UnixAddress(metrics)) as wire:
            return wire.exchange("GET", "/metrics", [("Host", "a")]).body.decode()

    server.wait_until(lambda: "trivet_log_lines_lost_total 3\n" in page(), "3 lost lines")


@pytest.mark.parametrize(
    ("format", "told"),
    [
        ("%(h)s %({REMOTE_USER}e)s", "at character 7: %({REMOTE_USER}e)s is not known when a line"),
        ("combind", "did you mean combined?"),
    ],
)
def test_a_wrong_format_ends_the_start(format: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    command = [sys.executable, "-m", "trivet", "serve", "shop", "--access-log-format", format]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert told in finished.stderr
    assert "server-ready" not in finished.stderr
