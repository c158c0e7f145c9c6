"""serve(app, …) called from a program: in its own process, forked, or where it should not be."""

import http.client
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess

pytestmark = pytest.mark.system

BEGINNING = """\
import os, signal, sys, threading, time
from trivet import serve

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("slow begins", flush=True)
        time.sleep(0.5)
    start_response("200 OK", [])
    return [f"{os.getpid()} {threading.active_count()}".encode()]

port = int(sys.argv[1])
"""

Run = Callable[[str], ServerProcess]


@pytest.fixture
def address() -> TcpAddress:
    return free_tcp_address()


@pytest.fixture
def run(start_command: Callable[..., ServerProcess], tmp_path: Path, address: TcpAddress) -> Run:
    """Run a program that ends with the given lines."""

    def start(ending: str) -> ServerProcess:
        script = tmp_path / "script.py"
        script.write_text(BEGINNING + ending)
        command = [sys.executable, str(script), str(address.port)]
        return start_command(command, tmp_path, [address])

    return start


def get(address: TcpAddress, path: str = "/") -> str:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_the_url_is_printed_and_the_script_itself_serves(run: Run, address: TcpAddress) -> None:
    server = run("serve(app, port=port)\n")
    server.wait_for_output(f"listening url=http://127.0.0.1:{address.port}\n")
    assert get(address).split()[0] == str(server.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_returns_after_a_stop_and_the_script_goes_on(
    run: Run, address: TcpAddress, number: signal.Signals
) -> None:
    server = run(
        "before = signal.getsignal(signal.SIGINT)\n"
        "serve(app, port=port)\n"
        "assert signal.getsignal(signal.SIGINT) is before\n"
        "assert signal.set_wakeup_fd(-1) == -1\n"
        "print('goes on')\n"
    )
    server.wait_for_output("server-ready")
    server.signal(number)
    assert server.wait() == 0
    assert "goes on" in server.output


def test_serve_can_be_called_again_on_the_same_port(run: Run, address: TcpAddress) -> None:
    server = run("serve(app, port=port)\nprint('again')\nserve(app, port=port)\n")
    server.wait_for_output("server-ready")
    server.signal(signal.SIGTERM)
    server.wait_for_output("again[^$]*server-ready")
    assert get(address).split()[0] == str(server.pid)
    assert server.stop() == 0


def test_threads_of_the_script_live_on(run: Run, address: TcpAddress) -> None:
    server = run(
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "serve(app, port=port)\n"
    )
    server.wait_for_output("server-ready")
    assert int(get(address).split()[1]) >= 3  # main, the script's, the engine's


def test_several_workers_are_forked_with_the_app(run: Run, address: TcpAddress) -> None:
    server = run("serve(app, port=port, workers=2)\nprint('goes on in', os.getpid())\n")
    server.wait_for_output("server-ready")
    assert int(get(address).split()[0]) in server.child_pids()
    assert server.stop() == 0
    assert server.output.count("goes on in") == 1
    assert f"goes on in {server.pid}" in server.output


def test_atexit_functions_of_the_script_run_in_the_script_only(run: Run) -> None:
    server = run(
        "import atexit\natexit.register(lambda: print('bye from', os.getpid()))\n"
        "serve(app, port=port, workers=2)\n"
    )
    server.wait_for_output("server-ready")
    assert server.stop() == 0
    assert server.output.count("bye from") == 1


def test_threads_that_forked_workers_will_not_have_are_told(run: Run) -> None:
    server = run(
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "serve(app, port=port, workers=2)\n"
    )
    server.wait_for_output("threads-not-inherited threads=1")


def test_another_thread_can_serve_but_is_told_about_signals(run: Run, address: TcpAddress) -> None:
    server = run(
        "threading.Thread(target=serve, args=[app], kwargs={'port': port}, daemon=True).start()\n"
        "signal.pause()\n"
    )
    server.wait_for_output("signals-unavailable")
    server.wait_for_output("server-ready")
    assert get(address).split()[0] == str(server.pid)


def test_waitress_keywords_are_understood(run: Run, address: TcpAddress) -> None:
    server = run("serve(app, listen=f'127.0.0.1:{port}', threads=3, url_prefix='shop')\n")
    server.wait_for_output("server-ready")
    assert get(address, "/shop/").split()[0] == str(server.pid)


@pytest.mark.parametrize(
    ("call", "exit_code", "message"),
    [
        ("serve(app, prot=port)", 2, "trivet: serve() has no keyword prot\nhint: did you mean"),
        ("serve(None, port=port)", 3, "trivet: the first argument of serve() is no WSGI"),
        ("app.debug = True; serve(app, port=port)", 3, "trivet: the app's attribute debug is True"),
        ("serve(app, host='192.0.2.1', port=port)", 4, "trivet: 192.0.2.1:"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    run: Run, call: str, exit_code: int, message: str
) -> None:
    server = run(f"{call}\n")
    assert server.wait() == exit_code
    assert message in server.output
    assert "Traceback" not in server.output


def test_a_script_can_catch_what_serve_raises(run: Run) -> None:
    server = run(
        "from trivet import TrivetError\n"
        "try:\n    serve(app, prot=1)\n"
        "except TrivetError as error:\n    print('caught', type(error).__name__)\n"
    )
    assert server.wait() == 0
    assert "caught UnknownSetting" in server.output


def test_an_error_of_the_script_still_has_its_traceback(run: Run) -> None:
    server = run("try:\n    serve(app, prot=1)\nexcept Exception:\n    pass\n1 / 0\n")
    assert server.wait() == 1
    assert "ZeroDivisionError" in server.output


def test_a_second_ctrl_c_ends_the_script_at_once(run: Run, address: TcpAddress) -> None:
    server = run("serve(app, port=port)\n")
    server.wait_for_output("server-ready")
    server.signal(signal.SIGQUIT)
    assert server.wait() == 0
    assert "stopping-at-once cause=SIGQUIT" in server.output


def test_nothing_is_left_of_forked_workers(run: Run) -> None:
    server = run("serve(app, port=port, workers=2)\n")
    server.wait_for_output("server-ready")
    os.killpg(server.pid, signal.SIGINT)
    assert server.wait() == 0
    assert not server.has_left_processes()
