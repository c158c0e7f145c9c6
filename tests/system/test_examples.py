"""Each example starts as its README says, and does what it is for."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import EXAMPLES

pytestmark = pytest.mark.system

StartCommand = Callable[..., ServerProcess]


@pytest.fixture
def serve_example(
    start_command: StartCommand, tools_python: Path, tmp_path: Path
) -> Callable[..., ServerProcess]:
    """Run `trivet serve examples/NAME` in the repository, with the example's data elsewhere."""

    def serve(name: str, *arguments: str) -> ServerProcess:
        address = free_tcp_address()
        server = start_command(
            [
                *(str(tools_python), "-m", "trivet", "serve", f"examples/{name}"),
                *("--bind", address.bind, *arguments),
            ],
            REPOSITORY,
            [address],
            BLOG_DATABASE=str(tmp_path / "data" / "blog.sqlite"),
            TASKS_DATABASE=str(tmp_path / "data" / "tasks.sqlite"),
            FILES_FOLDER=str(tmp_path / "data" / "files"),
        )
        server.wait_until_listening()
        return server

    return serve


FIRST_PAGES = {
    "blog": ("/", b"<title>Posts"),
    "api": ("/tasks", b"[]"),
    "files": ("/", b"No files yet."),
    "stream": ("/", b"EventSource"),
}


@pytest.mark.parametrize("name", FIRST_PAGES)
def test_an_example_is_served_by_its_folder(
    serve_example: Callable[..., ServerProcess], name: str
) -> None:
    server = serve_example(name)
    target, expected = FIRST_PAGES[name]
    with Wire(server.address) as wire:
        assert expected in wire.exchange("GET", target).body
    assert server.stop() == 0
    assert not server.has_left_processes()


def test_every_example_is_in_the_table_and_in_the_list() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == {*FIRST_PAGES, "script", "by-environment"}, (
        "add the new example to FIRST_PAGES in this file"
    )
    listed = set(re.findall(r"\]\(([\w-]+)\)", (EXAMPLES / "README.md").read_text()))
    assert folders == listed, "add the new example to examples/README.md"
    missing = {name for name in folders if not (EXAMPLES / name / "README.md").exists()}
    assert not missing, "write a README.md for them"


def test_the_script_serves_itself(start_command: StartCommand, tools_python: Path) -> None:
    address = free_tcp_address()
    server = start_command(
        [str(tools_python), "examples/script/app.py"],
        REPOSITORY,
        [address],
        TRIVET_BIND=address.bind,
    )
    server.wait_until_listening()
    with Wire(address) as wire:
        assert wire.exchange("GET", "/").body == b"Hello from a script.\n"
    assert server.stop() == 0
    assert not server.has_left_processes()


@pytest.mark.parametrize(("command", "workers"), [("dev", 1), ("serve", 2)])
def test_one_configuration_serves_development_and_production(
    start_command: StartCommand, tools_python: Path, command: str, workers: int
) -> None:
    address = free_tcp_address()
    environment = "development" if command == "dev" else "production"
    folder = EXAMPLES / "by-environment"
    variables = dict(
        line.split("=", 1)
        for line in (folder / f"{environment}.env").read_text().splitlines()
        if not line.startswith("#")
    )
    variables |= {"TRIVET_HOST": address.host, "TRIVET_PORT": str(address.port)}
    server = start_command(
        [str(tools_python), "-m", "trivet", command], folder, [address], **variables
    )
    server.wait_until_listening()
    with Wire(address) as wire:
        assert variables["GREETING"].encode() in wire.exchange("GET", "/").body
        status = wire.exchange("GET", "/broken").status
    assert status == 500
    if command == "serve":
        server.wait_for_output('"server-ready"')
        assert len(server.child_pids()) == workers
    assert server.stop() == 0


def test_what_differs_between_development_and_production_is_shown(tools_python: Path) -> None:
    finished = subprocess.run(
        [str(tools_python), "-m", "trivet", "settings", "--diff", "dev", "serve"],
        cwd=EXAMPLES / "by-environment",
        capture_output=True,
        text=True,
        check=True,
    )
    shown = {line.split()[0] for line in finished.stdout.splitlines()[1:]}
    assert {"workers", "graceful_timeout"} <= shown


def test_workers_of_the_blog_may_start_together_on_a_new_machine(
    serve_example: Callable[..., ServerProcess],
) -> None:
    server = serve_example("blog", "--workers", "4")
    for _ in range(20):
        with Wire(server.address) as wire:
            page = wire.exchange("GET", "/", [("Connection", "close")])
            assert (page.status, page.body.count(b"<article")) == (200, 1)
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_a_message_reaches_a_reader_of_the_stream_when_it_is_posted(
    serve_example: Callable[..., ServerProcess],
) -> None:
    server = serve_example("stream", "--workers", "1")
    with Wire(server.address) as reader, Wire(server.address) as writer:
        reader.request("GET", "/events")
        assert reader.read_head().get("Content-Type") == "text/event-stream; charset=utf-8"
        assert reader.read_chunk() == b": welcome\n\n"
        for number, message in enumerate(("first", "second"), start=1):
            form = f"message={message}".encode()
            fields = [("Content-Type", "application/x-www-form-urlencoded")]
            assert writer.exchange("POST", "/messages", fields, form).status == 204
            assert reader.read_chunk() == f"id: {number}\ndata: {message}\n\n".encode()


def test_the_blogs_own_tests_pass(tools_python: Path, tmp_path: Path) -> None:
    finished = subprocess.run(
        [
            *(str(tools_python), "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--rootdir", str(EXAMPLES / "blog"), "-c", os.devnull),
            *("--basetemp", str(tmp_path / "blog"), "tests"),
        ],
        cwd=EXAMPLES / "blog",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert finished.returncode == 0, finished.stdout


def test_wrk_finds_no_error_on_the_blog(
    serve_example: Callable[..., ServerProcess], full_size: bool
) -> None:
    server = serve_example("blog")
    report = run_wrk(server.address, "/", seconds=10 if full_size else 2)
    assert "Socket errors" not in report
    assert "Non-2xx" not in report
    match = re.search(r"(\d+) requests in", report)
    assert match is not None
    assert int(match[1]) > 0
    assert server.stop() == 0


def run_wrk(address: object, path: str, seconds: int) -> str:
    assert isinstance(address, TcpAddress)
    finished = subprocess.run(
        ["wrk", "-t1", "-c64", f"-d{seconds}s", f"http://{address.authority}{path}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 30,
    )
    return finished.stdout


def test_readers_that_leave_free_their_threads(
    serve_example: Callable[..., ServerProcess],
) -> None:
    """More readers come and go than there are threads; each post lets the left ones notice it."""
    server = serve_example("stream", "--workers", "1", "--threads", "4")
    fields = [("Content-Type", "application/x-www-form-urlencoded")]
    for number in range(12):
        with Wire(server.address) as reader:
            reader.request("GET", "/events")
            assert reader.read_head().status == 200
            assert reader.read_chunk() == b": welcome\n\n"
        with Wire(server.address) as writer:
            body = f"message={number}".encode()
            assert writer.exchange("POST", "/messages", fields, body).status == 204
