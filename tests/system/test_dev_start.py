"""Ways to start `trivet dev`: what it chooses, says, and serves."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.projects import write_project
from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

TIMEOUT_SECONDS = 20.0

SHOP = {
    "shop.py": """
        import os
        from flask import Flask, request

        app = Flask(__name__)
        WORDS = "first words"

        @app.get("/")
        def index():
            return f"{WORDS} {request.scheme} {request.remote_addr} {app.debug}"

        @app.get("/environment/<name>")
        def environment(name):
            return os.environ.get(name, "not set")
    """
}

SCRIPT = {
    "run.py": """
        import sys
        from flask import Flask
        from trivet import serve

        app = Flask(__name__)
        WORDS = "first words"

        @app.get("/")
        def index():
            return f"{WORDS} {sys.argv[1]} {__name__}"

        if __name__ == "__main__":
            serve(app, dev=True, port=int(sys.argv[1]), threads=3)
            print("never reached")
    """
}

Start = Callable[..., ServerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command in a project of its own, on a free port."""
    servers: list[ServerProcess] = []

    def start_in_project(
        *command: str, files: dict[str, str] | None = None, listens: bool = True, **environ: str
    ) -> ServerProcess:
        directory = write_project(tmp_path / "project", SHOP if files is None else files)
        address = free_tcp_address()
        filled = [word.replace("PORT", str(address.port)) for word in command]
        server = ServerProcess(
            [sys.executable, *filled],
            addresses=[address],
            directory=directory,
            environment={
                **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
                "HOME": str(tmp_path),
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONUNBUFFERED": "1",
                **environ,
            },
            output_path=tmp_path / f"dev-{len(servers)}.log",
        )
        servers.append(server)
        if listens:
            server.wait_until_listening()
        return server

    yield start_in_project
    for server in servers:
        if not server.has_ended():
            server.stop()
        server.clean_up()


def get(url: str, context: ssl.SSLContext | None = None) -> str:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS, context=context) as answer:
        text: str = answer.read().decode()
    return text


def test_the_start_says_what_was_chosen(start: Start) -> None:
    server = start("-m", "trivet", "dev", "shop:app", "--port", "PORT")
    line = server.wait_for_output(r"dev-started .*").group()
    assert f"url={server.url}" in line
    assert "app=shop:app" in line
    assert 'framework="Flask ' in line
    assert get(server.url) == "first words http 127.0.0.1 True"
    server.wait_for_output(r"dev-request method=GET path=/ status=200 ms=\S+ view=shop.index")


def test_what_a_terminal_does_to_writers_in_the_background_is_left_to_it(start: Start) -> None:
    """A process that catches SIGTTOU there would try to write for ever."""
    server = start("-m", "trivet", "dev", "shop:app", "--port", "PORT")
    server.wait_for_output("dev-started")
    status = Path(f"/proc/{server.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    assert caught & 1 << (signal.SIGHUP - 1)
    assert not caught & 1 << (signal.SIGTTOU - 1)


def test_variables_come_from_the_projects_files_and_are_never_shown(start: Start) -> None:
    files = {
        **SHOP,
        ".env": "FIRST=one-secret\nTAKEN=two-secret\nTRIVET_THREADS=7\n",
        ".flaskenv": "FLASK_APP=shop:app\nFIRST=three-secret\n",
    }
    server = start("-m", "trivet", "dev", "--port", "PORT", files=files, TAKEN="real")
    line = server.wait_for_output(r"dev-started .*").group()
    assert 'env=".env:FIRST,TAKEN,TRIVET_THREADS .flaskenv:FLASK_APP,FIRST"' in line
    assert "threads=7" in line
    assert get(f"{server.url}/environment/FIRST") == "one-secret"
    assert get(f"{server.url}/environment/TAKEN") == "real"
    assert "secret" not in server.output


def test_the_next_port_is_one_that_is_free(start: Start) -> None:
    server = start("-m", "trivet", "dev", "shop:app", "--port", "next", listens=False)
    url = server.wait_for_output(r"url=(http://127\.0\.0\.1:(8[01]\d\d))").group(1)
    assert get(url).startswith("first words")
    with socket.socket() as probe, pytest.raises(OSError, match="in use"):
        probe.bind(("127.0.0.1", int(url.rpartition(":")[2])))


def test_https_is_trusted_by_who_knows_the_authority(start: Start, tmp_path: Path) -> None:
    server = start("-m", "trivet", "dev", "shop:app", "--port", "PORT", "--https")
    line = server.wait_for_output(r"dev-started .*").group()
    assert f"url=https://{server.address.authority}" in line
    authority = tmp_path / ".local" / "share" / "trivet" / "authority.pem"
    server.wait_for_output(f"browsers must trust {re.escape(str(authority))}")
    context = ssl.create_default_context(cafile=str(authority))
    https = server.url.replace("http:", "https:")
    words = get(https, context).split()
    assert words[:4] == ["first", "words", "https", "127.0.0.1"]
    # The relay leaves no process behind.
    assert server.stop() == 0
    assert not listens(server.address)


def listens(address: object) -> bool:
    assert isinstance(address, TcpAddress)
    try:
        address.connect().close()
    except OSError:
        return False
    return True


def test_a_save_is_served_over_https_too(start: Start, tmp_path: Path) -> None:
    server = start("-m", "trivet", "dev", "shop:app", "--port", "PORT", "--https")
    server.wait_for_output("dev-started")
    authority = tmp_path / ".local" / "share" / "trivet" / "authority.pem"
    context = ssl.create_default_context(cafile=str(authority))
    https = server.url.replace("http:", "https:")
    assert "first words" in get(https, context)
    edit(tmp_path / "project" / "shop.py")
    server.wait_for_output("dev-reloaded")
    assert "second words" in get(https, context)


def test_the_death_of_what_does_tls_is_told(start: Start) -> None:
    server = start("-m", "trivet", "dev", "shop:app", "--port", "PORT", "--https")
    server.wait_for_output("dev-started")
    for child in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        if b"tls_relay" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), signal.SIGKILL)
    server.wait_for_output("the process that does TLS has died")
    assert server.stop() == 0


def edit(file: Path) -> None:
    file.write_text(file.read_text().replace("first words", "second words"))


def test_with_lan_others_may_visit_and_nobody_has_a_console(start: Start) -> None:
    server = start("-m", "trivet", "dev", "shop:app", "--port", "PORT", "--lan")
    line = server.wait_for_output(r"dev-started .*").group()
    assert (
        'errors="in the browser, without console (this start is open to the network (--lan))"'
        in line
    )
    assert f"http://127.0.0.1:{server.address.authority.rpartition(':')[2]}" in line
    listening = subprocess.run(
        ["ss", "-Hltn", f"sport = :{server.address.authority.rpartition(':')[2]}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "0.0.0.0:" in listening.stdout


def test_flasks_own_command_line_has_it_too(start: Start) -> None:
    server = start("-m", "flask", "--app", "shop", "dev", "--port", "PORT")
    server.wait_for_output("dev-started")
    assert get(server.url).endswith("True")


def test_a_script_is_run_again_after_an_edit(start: Start, tmp_path: Path) -> None:
    server = start("run.py", "PORT", files=SCRIPT)
    server.wait_for_output(r"dev-started .*threads=3")
    port = server.address.authority.rpartition(":")[2]
    assert get(server.url) == f"first words {port} __main__"
    edit(tmp_path / "project" / "run.py")
    server.wait_for_output("dev-reloaded")
    assert get(server.url) == f"second words {port} __main__"
    # The process that was started is the supervisor now, and ends as one.
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "never reached" not in server.output


def test_a_module_is_run_again_as_a_module(start: Start, tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/words.py": "WORDS = 'first words'\n",
        "shop/__main__.py": SCRIPT["run.py"].replace(
            'WORDS = "first words"', "from .words import WORDS"
        ),
    }
    server = start("-m", "shop", "PORT", files=files)
    server.wait_for_output("dev-started")
    assert get(server.url).startswith("first words")
    edit(tmp_path / "project" / "shop" / "words.py")
    server.wait_for_output("dev-reloaded")
    assert get(server.url).startswith("second words")


def test_a_broken_script_shows_its_error_and_recovers(start: Start, tmp_path: Path) -> None:
    server = start("run.py", "PORT", files=SCRIPT)
    server.wait_for_output("dev-started")
    get(server.url)
    file = tmp_path / "project" / "run.py"
    good = file.read_text()
    file.write_text(good.replace("app = Flask", "import missing_module; app = Flask"))
    server.wait_for_output(r"dev-failed .*missing_module.* place=run\.py:5")
    file.write_text(good)
    server.wait_for_output("dev-recovered")
    assert get(server.url).startswith("first words")


def test_a_wrong_keyword_is_told_before_anything_is_replaced(start: Start) -> None:
    files = {"run.py": SCRIPT["run.py"].replace("threads=3", "thraeds=3")}
    server = start("run.py", "PORT", files=files, listens=False)
    assert server.wait() == 2
    assert "did you mean threads" in server.output


def test_an_app_that_is_typed_in_cannot_be_run_again(start: Start) -> None:
    program = "from trivet import serve; serve(lambda e, s: [], dev=True)"
    server = start("-c", program, listens=False)
    assert server.wait() == 2
    assert "was not called by a program in a file" in server.output


def test_it_ends_with_the_terminal_that_it_was_started_in(start: Start) -> None:
    server = start("-m", "trivet", "dev", "--port", "PORT")
    server.wait_for_output("dev-started")
    server.signal(signal.SIGHUP)
    assert server.wait() == 0


IGNORE_HANGUP = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_it_outlives_the_terminal_when_it_was_told_to(start: Start) -> None:
    server = start("-c", IGNORE_HANGUP, "-m", "trivet", "dev", "--port", "PORT")
    server.wait_for_output("dev-started")
    server.signal(signal.SIGHUP)
    with Wire(server.addresses[0]) as wire:
        assert wire.exchange("GET", "/").status == 200
    assert not server.has_ended()
