"""A running server is asked and told over its control socket, by the commands that people type."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.kinds import server_environment
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.unprivileged import without_root

pytestmark = pytest.mark.system

APP = """\
import ctypes, os, time

def app(environ, start_response):
    if environ["PATH_INFO"] == "/hang":
        print("hang begins", flush=True)
        hang_here()
    if environ["PATH_INFO"] == "/hold":
        print("hold begins", flush=True)
        # PyDLL keeps Python's lock during the call, as a C extension may.
        ctypes.PyDLL(None).sleep(600)
    if environ["PATH_INFO"].startswith("/slow/"):
        time.sleep(0.005)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

def hang_here():
    time.sleep(600)
"""


class Setup:
    """A project, its server, and the commands typed in its directory."""

    def __init__(
        self, start_command: Callable[..., ServerProcess], folder: Path, trivet_folder: Path
    ) -> None:
        self._start = start_command
        self.project = folder / "project"
        self.project.mkdir()
        self.write(APP)
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        self.environment = {"XDG_RUNTIME_DIR": str(runtime)}
        self._whole_environment = server_environment(trivet_folder, self.environment)
        self.address: TcpAddress = free_tcp_address()

    def write(self, source: str) -> None:
        (self.project / "shop.py").write_text(source)

    def serve(self, *flags: str, address: TcpAddress | None = None) -> ServerProcess:
        bind = address or self.address
        command = [sys.executable, "-m", "trivet", "serve", "shop", "--bind", bind.bind, *flags]
        server = self._start(command, self.project, [bind], **self.environment)
        server.wait_for_output("server-ready")
        return server

    def type(self, *words: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trivet", *words],
            cwd=directory or self.project,
            env=self._whole_environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def typed_json(self, *words: str) -> dict[str, Any]:
        finished = self.type(*words, "--json")
        assert finished.returncode == 0, finished.stderr
        data: dict[str, Any] = json.loads(finished.stdout)
        return data


@pytest.fixture
def setup(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> Setup:
    return Setup(start_command, tmp_path, trivet_folder)


def get(address: TcpAddress, path: str = "/") -> bytes:
    with Wire(address) as wire:
        return wire.exchange("GET", path, [("Connection", "close")]).body


def test_ps_shows_each_worker_with_its_requests(setup: Setup) -> None:
    server = setup.serve("--workers", "2")
    for _ in range(3):
        get(setup.address)
    told = setup.typed_json("ps")
    assert told["server"]["pid"] == server.pid
    assert told["server"]["app"] == "shop:app"
    assert sorted(worker["pid"] for worker in told["workers"]) == sorted(server.child_pids())
    assert sum(worker["requests"] for worker in told["workers"]) == 3
    for worker in told["workers"]:
        assert worker["state"] == "serving"
        assert worker["memory_bytes"] > 1_000_000
        assert worker["mode"] in ("late", "early")
    text = setup.type("ps").stdout
    assert text.splitlines()[1].split() == [
        *("worker", "pid", "state", "age", "requests", "memory", "busy", "connections", "mode")
    ]
    assert str(told["workers"][0]["pid"]) in text


def test_ps_says_that_a_stop_is_announced(setup: Setup) -> None:
    server = setup.serve("--workers", "1", "--drain-delay", "60s")
    server.signal(signal.SIGTERM)
    server.wait_for_output("stop-announced")
    told = setup.typed_json("ps")["server"]
    assert (told["stop_announced"], told["stopping"]) == (True, False)
    headline = setup.type("ps").stdout.splitlines()[0]
    assert headline.endswith(", not ready any more: about to stop")
    assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="preload needs Linux")
def test_ps_names_the_process_that_has_imported_the_app(setup: Setup) -> None:
    setup.serve("--workers", "1", "--preload")
    (parent,) = setup.typed_json("ps")["server"]["preload"]
    assert parent["memory_bytes"] > 1_000_000
    assert f", preload pid {parent['pid']} " in setup.type("ps").stdout


def test_stacks_shows_the_line_where_a_request_hangs(setup: Setup) -> None:
    server = setup.serve("--workers", "1")
    with Wire(setup.address) as wire:
        wire.request("GET", "/hang")
        server.wait_for_output("hang begins")
        text = setup.type("stacks").stdout
        assert "in hang_here" in text
        assert "time.sleep(600)" in text
        look = setup.typed_json("top", "--once")
        assert look["running"][0]["function"] == "hang_here"
        assert look["workers"][0]["busy_threads"] == 1
        plain = setup.type("top", "--once").stdout
        assert "hang_here in " in plain


def test_stacks_tell_of_a_request_that_its_client_no_longer_waits_for(setup: Setup) -> None:
    setup.serve("--workers", "1", "--timeout", "1s", "--graceful-timeout", "60s")
    with Wire(setup.address) as wire:
        wire.request("GET", "/hang")
        assert wire.read_response().status == 504
        told = setup.typed_json("stacks")["workers"]
    requests = [t["request"] for worker in told for t in worker["threads"] or () if t["request"]]
    assert [(request["target"], request["timed_out"]) for request in requests] == [("/hang", True)]
    assert re.search(
        r": GET /hang for \d+\.\d s, timed out \(its client", setup.type("stacks").stdout
    )


def test_a_worker_whose_interpreter_is_held_is_shown_with_what_it_runs(setup: Setup) -> None:
    server = setup.serve("--workers", "1", "--timeout", "0s")
    get(setup.address)
    with Wire(setup.address) as wire:
        wire.request("GET", "/hold?order=7")
        server.wait_for_output("hold begins")
        look = setup.typed_json("top", "--once")
        (worker,) = look["workers"]
        assert not worker["answers"]
        assert (worker["requests"], worker["busy_threads"]) == (1, 1)
        (running,) = look["running"]
        assert running["request"] == "GET /hold?order=7"
        assert running["age_seconds"] > 0
        text = setup.type("top", "--once").stdout
        assert "serving, no answer" in text
        assert "GET /hold?order=7" in text
        (told,) = setup.typed_json("ps")["workers"]
        assert [entry["request"] for entry in told["running"]] == ["GET /hold?order=7"]
    server.signal(signal.SIGQUIT)
    server.wait()


def test_the_slowest_routes_are_told_whatever_numbers_are_in_them(setup: Setup) -> None:
    setup.serve("--workers", "2")
    for number in range(4):
        get(setup.address, f"/slow/{number}")
    routes = setup.typed_json("top", "--once")["routes"]
    (slow,) = [route for route in routes if route["route"] == "GET /slow/#"]
    assert slow["count"] == 4
    assert slow["longest_seconds"] >= slow["mean_seconds"] > 0.002
    assert "GET /slow/#" in setup.type("top", "--once").stdout


def test_reload_returns_when_the_new_code_answers(setup: Setup) -> None:
    setup.serve("--workers", "2")
    setup.write(APP.replace("str(os.getpid()).encode()", "b'new'"))
    finished = setup.type("reload")
    assert finished.returncode == 0, finished.stderr
    assert get(setup.address) == b"new"


def test_reload_of_code_that_does_not_load_says_why_and_changes_nothing(setup: Setup) -> None:
    server = setup.serve("--workers", "2")
    before = sorted(server.child_pids())
    setup.write("raise ValueError('not today')")
    finished = setup.type("reload", "--json")
    assert finished.returncode == 3
    assert "importing shop failed: ValueError: not today" in finished.stderr
    error = json.loads(finished.stdout)["error"]
    assert error["name"] == "app-import-failed"
    assert error["what"] == "importing shop failed: ValueError: not today"
    assert int(get(setup.address)) in before
    workers = setup.typed_json("ps")["workers"]
    # The one that did not load may not have ended yet.
    assert sorted(w["pid"] for w in workers if w["state"] == "serving") == before


def test_scale_changes_the_number_of_workers(setup: Setup) -> None:
    server = setup.serve("--workers", "1")
    assert setup.typed_json("scale", "3") == {"before": 1, "workers": 3}
    server.wait_for_output(r"worker-ready worker=3")
    assert len(server.child_pids()) == 3
    refused = setup.type("scale", "0")
    assert refused.returncode == 2
    assert "expected a number from 1" in refused.stderr


def test_stop_returns_when_the_server_has_ended(setup: Setup) -> None:
    server = setup.serve("--workers", "2")
    # A worker that was forked while a client was connected must not hold its connection open.
    setup.type("scale", "3")
    finished = setup.type("stop")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"stopped shop:app in {setup.project} (pid {server.pid})\n"
    assert server.wait() == 0
    assert not server.has_left_processes()
    assert os.listdir(Path(setup.environment["XDG_RUNTIME_DIR"]) / "trivet") == []


def test_without_a_server_the_commands_say_so(setup: Setup, tmp_path: Path) -> None:
    finished = setup.type("ps", "--control", str(tmp_path / "nobody.sock"))
    assert finished.returncode == 4
    assert "no server answers on" in finished.stderr


def test_of_several_servers_one_must_be_named(setup: Setup, tmp_path: Path) -> None:
    first = setup.serve("--workers", "1")
    setup.serve("--workers", "1", address=free_tcp_address())
    finished = setup.type("ps")
    assert finished.returncode == 4
    assert f"2 servers run in {setup.project}" in finished.stderr
    elsewhere = setup.type("ps", directory=tmp_path)
    # Root sees those of other tests, too.
    assert re.search(rf"\d+ servers run, and none of them in {tmp_path}\n", elsewhere.stderr)
    assert f"pid {first.pid}  shop:app" in finished.stderr
    assert setup.typed_json("ps", "--pid", str(first.pid))["server"]["pid"] == first.pid


def test_a_path_of_its_own_is_found_by_the_settings(setup: Setup) -> None:
    (setup.project / "trivet.toml").write_text('control = "control.sock"\nworkers = 1\n')
    server = setup.serve()
    assert setup.typed_json("ps")["server"]["pid"] == server.pid
    assert setup.type("stop").returncode == 0
    assert not (setup.project / "control.sock").exists()


def test_settings_that_are_wrong_do_not_hide_the_server(setup: Setup) -> None:
    server = setup.serve("--workers", "1")
    (setup.project / "trivet.toml").write_text("workrs = 3\n")
    finished = setup.type("ps", "--json")
    assert json.loads(finished.stdout)["server"]["pid"] == server.pid
    assert "no setting is called workrs; the server is looked for without" in finished.stderr


def test_the_socket_of_a_killed_server_is_cleared_away(setup: Setup) -> None:
    server = setup.serve("--workers", "1")
    server.signal(9)
    server.wait()
    sockets = Path(setup.environment["XDG_RUNTIME_DIR"]) / "trivet"
    assert len(os.listdir(sockets)) == 1
    setup.type("ps")
    assert os.listdir(sockets) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused_even_where_the_file_lets_them_in(
    setup: Setup, tmp_path: Path
) -> None:
    path = Path("/tmp") / f"trivet-test-{os.getpid()}.sock"
    setup.serve("--workers", "1", "--control", str(path))
    path.chmod(0o666)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        with without_root():
            client.connect(str(path))
        client.sendall(b'{"command": "stop"}\n')
        answer = json.loads(client.makefile("rb").readline())
    assert answer["what"] == "only the server's own user and root may ask"
    assert setup.type("ps", "--control", str(path)).returncode == 0
    assert setup.type("stop", "--control", str(path)).returncode == 0
    assert not path.exists()


def test_a_flood_of_connections_disturbs_nobody(setup: Setup) -> None:
    server = setup.serve("--workers", "1")
    path = next((Path(setup.environment["XDG_RUNTIME_DIR"]) / "trivet").iterdir())
    with contextlib.ExitStack() as clients:
        for _ in range(40):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(path))
            with contextlib.suppress(BrokenPipeError):  # those that are too many are closed
                client.sendall(b"x" * 100)
        assert get(setup.address).isdigit()
    assert setup.typed_json("ps")["server"]["pid"] == server.pid


def test_a_client_that_leaves_during_a_reload_is_no_harm(setup: Setup) -> None:
    server = setup.serve("--workers", "1")
    path = next((Path(setup.environment["XDG_RUNTIME_DIR"]) / "trivet").iterdir())
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b'{"command": "reload"}\n')
    server.wait_for_output(" reloaded ")
    assert setup.typed_json("ps")["server"]["pid"] == server.pid


def test_commands_at_the_same_time_are_all_answered(setup: Setup) -> None:
    setup.serve("--workers", "2")
    exit_codes: list[int] = []
    words = [("ps",), ("stacks",), ("reload",), ("reload",), ("ps",)]
    threads = [
        threading.Thread(target=lambda w=w: exit_codes.append(setup.type(*w).returncode))
        for w in words
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exit_codes == [0] * len(words)


def test_a_gunicorn_file_is_read_when_told_to_and_says_what_it_gives(setup: Setup) -> None:
    (setup.project / "gunicorn.conf.py").write_text("workers = 2\nworker_class = 'gevent'\n")
    server = setup.serve("--gunicorn-config", "gunicorn.conf.py")
    assert len(setup.typed_json("ps")["workers"]) == 2
    assert "gunicorn.conf.py gives workers" in server.output
    assert "worker_class in gunicorn.conf.py is not used" in server.output
