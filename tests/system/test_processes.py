"""`trivet serve` as processes: starting, replacing workers, stopping, leaving nothing behind."""

import http.client
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.serving.addresses import TcpAddress, UnixAddress, free_tcp_address
from tests.serving.process import ServerProcess

pytestmark = pytest.mark.system

APP = """\
import os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        print("slow begins", flush=True)
        time.sleep(1)
    if path == "/hang":
        print("hang begins", flush=True)
        time.sleep(600)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

#: Less than the default of graceful_timeout (30 s), after which a server has ended anyhow.
WITHIN_THE_USUAL_GRACE_SECONDS = 20.0

Serve = Callable[..., ServerProcess]


@pytest.fixture
def address() -> TcpAddress:
    return free_tcp_address()


@pytest.fixture
def serve(
    start_command: Callable[..., ServerProcess], tmp_path: Path, address: TcpAddress
) -> Serve:
    """Start `trivet serve` on an app, given as source text, and wait until it says `until`."""
    project = tmp_path / "project"
    project.mkdir()

    def start(
        source: str = APP, *flags: str, until: str = "server-ready", **environment: str
    ) -> ServerProcess:
        (project / "shop.py").write_text(source)
        command = [sys.executable, "-m", "trivet", "serve", "shop", "--bind", address.bind, *flags]
        server = start_command(command, project, [address], **environment)
        if until:
            server.wait_for_output(until)
        return server

    return start


def get(address: TcpAddress, path: str = "/") -> str:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


class Request:
    """A request in a thread of its own; `answer` waits for what came of it, "" when it was cut."""

    def __init__(self, address: TcpAddress, path: str) -> None:
        self._address, self._path, self._answer = address, path, ""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = get(self._address, self._path)
        except (OSError, http.client.HTTPException):
            self._answer = ""

    def answer(self) -> str:
        self._thread.join()
        return self._answer


def worker_pids(server: ServerProcess) -> list[int]:
    return sorted(server.child_pids())


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], bool], description: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, description
        time.sleep(0.01)


# Starting


def test_workers_serve_and_the_supervisor_does_not_import_the_app(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve('import os; print("imported by", os.getpid(), flush=True)\n' + APP, "-w", "2")
    assert len(worker_pids(server)) == 2
    assert int(get(address)) in worker_pids(server)
    assert f"imported by {server.pid}\n" not in server.output
    assert "workers=2 reason=--workers" in server.output


def test_an_app_that_does_not_load_is_told_once_and_ends_the_server(serve: Serve) -> None:
    server = serve("import no_such_package\n", "-w", "4", until="")
    assert server.wait() == 3
    assert server.output.count("trivet: importing shop failed: No module named") == 1
    assert "✗ import shop (" in server.output
    assert 'project/shop.py", line 1' in server.output
    assert "trivet/" not in server.output.partition("✗ import shop")[2]
    assert not server.has_left_processes()


def test_a_process_that_dies_while_loading_ends_the_server(serve: Serve) -> None:
    server = serve("import os\nos.kill(os.getpid(), 11)\n", "-w", "2", until="")
    assert server.wait() == 5
    assert "was killed by SIGSEGV while it loaded the app" in server.output


def test_an_app_that_interrupts_its_own_import_is_the_app_s_failure(serve: Serve) -> None:
    server = serve("raise KeyboardInterrupt\n", "-w", "1", until="")
    assert server.wait() == 3
    assert "trivet: importing shop failed: it raised KeyboardInterrupt" in server.output
    assert "shop.py" in server.output
    assert "report it" not in server.output


def test_an_import_that_takes_long_is_told(
    start_command: Callable[..., ServerProcess], tmp_path: Path, address: TcpAddress
) -> None:
    (tmp_path / "shop.py").write_text("import time\ntime.sleep(600)\n")
    code = (
        "from trivet.cli.main import main; from trivet.supervisor import loop\n"
        "loop.STILL_LOADING_SECONDS = 0.1\n"
        f"raise SystemExit(main(['serve', 'shop', '-w', '1', '--bind', '{address.bind}']))"
    )
    server = start_command([sys.executable, "-c", code], tmp_path, [address])
    server.wait_for_output("warning worker-still-loading worker=1 pid=[0-9]+ app=shop ")
    assert server.stop() == 0
    assert server.output.count("worker-still-loading") == 1


def test_a_server_without_standard_streams_serves_and_stops(
    start_command: Callable[..., ServerProcess], tmp_path: Path, address: TcpAddress
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    script = f'exec "$0" -m trivet serve shop -w 1 --bind {address.bind} <&- >&-'
    server = start_command(["/bin/sh", "-c", script, sys.executable], tmp_path, [address])
    server.wait_for_output("server-ready")
    for pid in (server.pid, *worker_pids(server)):
        assert os.readlink(f"/proc/{pid}/fd/0") == os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
    assert get(address).isdigit()
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_a_debug_app_is_refused(serve: Serve) -> None:
    server = serve("from flask import Flask\napp = Flask('shop')\napp.debug = True\n", until="")
    assert server.wait() == 3
    assert "trivet: app.debug is on" in server.output


def test_a_port_in_use_names_its_holder(serve: Serve) -> None:
    first = serve(APP, "-w", "1")
    second = serve(APP, until="")
    assert second.wait() == 4
    assert f"is in use by process {first.pid} (" in second.output
    assert f"`kill {first.pid}`" in second.output


def test_serve_without_a_main_guard_does_nothing_in_a_worker(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP + "\nimport trivet\ntrivet.serve(app, port=1)\n", "-w", "2")
    assert int(get(address)) in worker_pids(server)
    assert server.output.count("run-ignored call=trivet.serve() place=shop.py:15") == 1


def test_every_line_of_a_json_log_is_json(serve: Serve) -> None:
    server = serve(APP, "-w", "1", "--log-format", "json", "--log-level", "debug")
    assert server.stop() == 0
    events = [json.loads(line)["event"] for line in server.output.splitlines()]
    assert events[-1] == "stopped"
    assert "worker-ready" in events


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_in_flight_and_leaves_nothing(
    serve: Serve, address: TcpAddress, number: signal.Signals
) -> None:
    server = serve(APP, "-w", "2")
    request = Request(address, "/slow")
    server.wait_for_output("slow begins")
    server.signal(number)
    assert request.answer().isdigit()
    assert server.wait() == 0
    assert "stopped seconds=" in server.output
    assert not server.has_left_processes()


def test_ctrl_c_in_a_terminal_reaches_the_workers_too_and_cuts_nothing(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP, "-w", "2")
    request = Request(address, "/slow")
    server.wait_for_output("slow begins")
    os.killpg(server.pid, signal.SIGINT)
    assert request.answer().isdigit()
    assert server.wait() == 0


def test_connections_are_refused_once_a_stop_has_begun(serve: Serve, address: TcpAddress) -> None:
    server = serve(APP, "-w", "1", "--log-level", "debug")
    request = Request(address, "/slow")
    server.wait_for_output("slow begins")
    server.signal(signal.SIGTERM)
    server.wait_for_output("listeners-closed")
    with pytest.raises(ConnectionRefusedError):
        address.connect()
    assert request.answer().isdigit()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_stops_at_once(
    serve: Serve, address: TcpAddress, first: signal.Signals
) -> None:
    server = serve(APP, "-w", "1")
    request = Request(address, "/hang")
    server.wait_for_output("hang begins")
    server.signal(first)
    server.wait_for_output(f"stopping cause={first.name}")
    time.sleep(0.15)  # two within 0.1 s are one keypress
    server.signal(signal.SIGINT)
    assert server.wait(WITHIN_THE_USUAL_GRACE_SECONDS) == 0
    assert request.answer() == ""
    assert "stopping-at-once cause=SIGINT" in server.output


def test_quit_stops_at_once(serve: Serve, address: TcpAddress) -> None:
    server = serve(APP, "-w", "2")
    request = Request(address, "/hang")
    server.wait_for_output("hang begins")
    server.signal(signal.SIGQUIT)
    assert server.wait(WITHIN_THE_USUAL_GRACE_SECONDS) == 0
    assert request.answer() == ""
    assert not server.has_left_processes()


def test_the_graceful_timeout_bounds_a_stop_and_what_was_cut_is_told(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP, "-w", "1", "--graceful-timeout", "1s")
    request = Request(address, "/hang")
    server.wait_for_output("hang begins")
    server.signal(signal.SIGTERM)
    assert server.wait(WITHIN_THE_USUAL_GRACE_SECONDS) == 0
    assert request.answer() == ""
    assert "connections-cut connections=1" in server.output


def test_a_worker_that_cannot_hear_is_killed_and_told(serve: Serve) -> None:
    server = serve(APP, "-w", "1", "--graceful-timeout", "500ms")
    (worker,) = worker_pids(server)
    os.kill(worker, signal.SIGSTOP)
    assert server.stop() == 0
    assert re.search(rf"workers-killed workers=1 seconds=\S+ pids={worker}\n", server.output)


def test_a_stop_while_the_app_is_imported_does_not_wait_for_it(serve: Serve) -> None:
    server = serve('print("importing", flush=True)\nimport time\ntime.sleep(600)\n', until="import")
    assert server.stop() == 0
    assert not server.has_left_processes()


def test_atexit_functions_of_the_app_run(serve: Serve) -> None:
    source = 'import atexit\natexit.register(print, "the app says bye", flush=True)\n' + APP
    server = serve(source, "-w", "2")
    assert server.stop() == 0
    assert server.output.count("the app says bye") == 2


def test_threads_of_an_executor_end_with_the_worker(serve: Serve) -> None:
    source = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor()\npool.submit(print, 'warm')\n" + APP
    )
    server = serve(source, "-w", "1")
    assert server.stop() == 0
    assert "exit-hindered" not in server.output


def test_a_thread_that_never_ends_does_not_hold_up_the_stop(serve: Serve) -> None:
    source = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), name='cleaner').start()\n" + APP
    )
    server = serve(source, "-w", "1")
    assert server.stop() == 0
    assert "exit-hindered worker=1" in server.output
    assert "threads cleaner" in server.output


def test_a_wish_for_one_worker_more_is_granted(serve: Serve, address: TcpAddress) -> None:
    server = serve(APP, "-w", "1")
    server.signal(signal.SIGTTIN)
    server.wait_for_output("scaling cause=SIGTTIN before=1 workers=2")
    server.wait_for_output("worker-ready worker=2")
    assert len(worker_pids(server)) == 2
    assert get(address).isdigit()


def test_a_wish_for_one_worker_less_is_granted_but_for_the_last(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP, "-w", "2")
    server.signal(signal.SIGTTOU)
    server.wait_for_output("scaling cause=SIGTTOU before=2 workers=1")
    server.wait_until(lambda: len(server.child_pids()) == 1, "one worker is left")
    server.signal(signal.SIGTTOU)
    server.wait_for_output(
        'signal-ignored signal=SIGTTOU reason="1 is the least that there may be"'
    )
    assert get(address).isdigit()
    assert server.stop() == 0
    assert server.output.count("scaling") == 1


def test_a_server_in_the_background_of_a_terminal_that_stops_writers_goes_on(
    tmp_path: Path, address: TcpAddress
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    command = f"{sys.executable} -m trivet serve shop -w 2 --bind {address.bind} --log-format text"
    # Job control gives the server a process group of its own, which is not the terminal's.
    script = f"set -m; stty tostop; {command} & echo began $!; wait $!; echo ended with $?"
    with pexpect.spawn("bash", ["-c", script], cwd=tmp_path, encoding="utf-8", timeout=60) as shell:
        shell.expect("began ([0-9]+)\r\n")  # to its end: half of a number is another process
        pid = int(shell.match.group(1))
        shell.expect_exact("ready after")
        assert get(address).isdigit()  # and its line in the access log is the worker's
        shell.expect_exact("GET / HTTP/1.1")
        os.kill(pid, signal.SIGTERM)
        shell.expect_exact("ended with 0")


def test_quit_does_not_claim_that_an_idle_connection_waited(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP, "-w", "1")
    connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
    connection.request("GET", "/")
    connection.getresponse().read()
    server.signal(signal.SIGQUIT)
    assert server.wait() == 0
    connection.close()
    assert "connections-cut" not in server.output


def test_a_hangup_does_not_end_the_server(serve: Serve, address: TcpAddress) -> None:
    server = serve(APP, "-w", "1")
    os.killpg(server.pid, signal.SIGHUP)
    server.wait_for_output("reloaded workers=1")
    assert get(address).isdigit()


def test_a_unix_socket_is_removed_at_the_end(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    address = UnixAddress(tmp_path / "socket")
    command = [sys.executable, "-m", "trivet", "serve", "shop", "--bind", address.bind]
    server = start_command(command, tmp_path, [address])
    server.wait_for_output("server-ready")
    assert server.stop() == 0
    assert not address.path.exists()


# Workers that end


def test_a_killed_worker_is_replaced_at_once(serve: Serve, address: TcpAddress) -> None:
    server = serve(APP, "-w", "1")
    (worker,) = worker_pids(server)
    os.kill(worker, signal.SIGKILL)
    server.wait_for_output(rf"worker-died worker=1 pid={worker} how=\"was killed by SIGKILL\"")
    assert int(get(address)) != worker  # waits in the backlog until there is a successor
    assert "OOM killer" in server.output  # that it was it, was not, or may have been


def test_workers_killed_again_and_again_do_not_end_the_server(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP, "-w", "2")
    for _ in range(6):
        os.kill(int(get(address)), signal.SIGKILL)
    assert get(address).isdigit()
    assert "restart-delayed" in server.output
    assert server.stop() == 0


def test_a_replacement_that_does_not_load_leaves_the_others_serving(
    serve: Serve, address: TcpAddress, tmp_path: Path
) -> None:
    server = serve(APP, "-w", "2")
    first, second = worker_pids(server)
    (tmp_path / "project" / "shop.py").write_text("a broken deploy\n")
    os.kill(first, signal.SIGKILL)
    server.wait_for_output(r"worker-failed worker=\d.*importing shop failed: SyntaxError")
    server.wait_for_output("restart-delayed")
    assert int(get(address)) == second
    (tmp_path / "project" / "shop.py").write_text(APP)
    server.wait_until(lambda: server.output.count("worker-ready") == 3, "a third worker is ready")


def test_without_any_worker_the_server_goes_on_trying(
    serve: Serve, address: TcpAddress, tmp_path: Path
) -> None:
    server = serve(APP, "-w", "1")
    (tmp_path / "project" / "shop.py").write_text("raise RuntimeError('no database')\n")
    os.kill(worker_pids(server)[0], signal.SIGKILL)
    server.wait_for_output("worker-failed")
    (tmp_path / "project" / "shop.py").write_text(APP)
    assert get(address).isdigit()  # waits in the backlog until a worker has loaded the app


@pytest.mark.parametrize(
    ("source", "until"),
    [
        (APP, "server-ready"),
        ('print("importing", flush=True)\nimport time\ntime.sleep(600)', "imp"),
    ],
    ids=["while serving", "while loading"],
)
def test_no_worker_outlives_its_supervisor(serve: Serve, source: str, until: str) -> None:
    server = serve(source, "-w", "2", until=until)
    workers = worker_pids(server)
    server.signal(signal.SIGKILL)
    server.wait()
    for worker in workers:
        wait_until(lambda worker=worker: is_gone(worker), f"worker {worker} ends")  # type: ignore[misc]  # mypy infers no type for the default


def test_a_worker_finishes_its_requests_when_the_supervisor_is_lost(
    serve: Serve, address: TcpAddress
) -> None:
    server = serve(APP, "-w", "1")
    request = Request(address, "/slow")
    server.wait_for_output("slow begins")
    server.signal(signal.SIGKILL)
    assert request.answer().isdigit()
