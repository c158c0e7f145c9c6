"""The log in a file that is moved away while the server runs."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

pytestmark = pytest.mark.system

APP = """\
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]
"""


def open_files(pid: int) -> set[str]:
    folder, files = f"/proc/{pid}/fd", set()
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed since the list was made
            files.add(os.readlink(f"{folder}/{name}"))
    return files


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files in /proc")
@pytest.mark.parametrize("flags", [(), ("--preload",)], ids=["", "preload"])
def test_usr1_moves_every_process_to_the_new_file_and_no_line_is_lost(
    start_command: Callable[..., ServerProcess], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    log, old = tmp_path / "shop.log", tmp_path / "shop.log.1"
    address = free_tcp_address()
    command = [sys.executable, "-m", "trivet", "serve", "shop", "-w", "2", *flags]
    command += ["--bind", address.bind, "--log-file", "shop.log"]
    server = start_command(command, tmp_path, [address])
    server.wait_until(lambda: log.exists() and "server-ready" in log.read_text(), "ready")
    before = server.child_pids()
    log.rename(old)
    server.signal(signal.SIGUSR1)
    server.wait_until(lambda: log.exists() and "logs-reopened" in log.read_text(), "reopened")
    (preload_parent,) = [pid for pid in before if is_preload(old, pid)] or [0]
    for pid in {server.pid, *before} - {preload_parent}:
        wait_until_moved(server, pid, old, log)
    assert server.child_pids() == before
    server.signal(signal.SIGTTIN)
    server.wait_until(lambda: "worker-ready worker=3" in log.read_text(), "a third worker")
    (third,) = set(server.child_pids()) - set(before)
    assert str(old) not in open_files(third)
    assert server.stop() == 0
    names = [line.split()[2] for line in (old.read_text() + log.read_text()).splitlines()]
    assert names.count("worker-ready") == 3
    assert names[-1] == "stopped"
    assert "server-ready" not in server.output


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files in /proc")
@pytest.mark.parametrize("flags", [(), ("--preload",)], ids=["", "preload"])
def test_usr1_moves_the_access_log_too_and_no_line_is_lost(
    start_command: Callable[..., ServerProcess], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    address = free_tcp_address()
    command = [sys.executable, "-m", "trivet", "serve", "shop", "-w", "2", *flags]
    command += ["--bind", address.bind, "--access-log-file", "access.log"]
    server = start_command(command, tmp_path, [address])
    server.wait_for_output("server-ready")
    assert ask(address, "/before") == 200
    server.wait_until(lambda: "/before" in log.read_text(), "the first line")
    (preload_parent,) = preload_parents(server) or [0]
    workers = set(server.child_pids()) - {preload_parent}
    log.rename(old)
    server.signal(signal.SIGUSR1)
    server.wait_for_output(rf"logs-reopened path={re.escape(str(log))}")
    for pid in workers:
        wait_until_moved(server, pid, old, log)
    for number in range(20):
        assert ask(address, f"/{number}") == 200
    assert set(server.child_pids()) - {preload_parent} == workers
    assert server.stop() == 0
    # A worker writes the line when the client has its answer, and may have asked the other worker.
    targets = {line.split()[6] for line in log.read_text().splitlines()}
    assert targets == {f"/{number}" for number in range(20)}
    assert log.read_text().count("\n") == 20
    assert old.read_text().count("\n") == 1
    assert "GET /" not in server.output


def test_a_reload_takes_up_another_file_for_the_access_log(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    address = free_tcp_address()
    settings = tmp_path / "trivet.toml"
    settings.write_text('access_log_file = "one.log"\naccess_log_format = "%(U)s"\n')
    command = [sys.executable, "-m", "trivet", "serve", "shop", "-w", "1", "--bind", address.bind]
    server = start_command(command, tmp_path, [address])
    server.wait_for_output("server-ready")
    assert ask(address, "/first") == 200
    settings.write_text('access_log_file = "two.log"\naccess_log_format = "%(U)s!"\n')
    server.signal(signal.SIGHUP)
    server.wait_for_output(" reloaded ")
    assert ask(address, "/second") == 200
    assert server.stop() == 0
    assert (tmp_path / "one.log").read_text() == "/first\n"
    assert (tmp_path / "two.log").read_text() == "/second!\n"


def ask(address: TcpAddress, path: str) -> int:
    with Wire(address) as wire:
        return wire.exchange("GET", path, [("Connection", "close")]).status


def preload_parents(server: ServerProcess) -> list[int]:
    return [int(pid) for pid in re.findall(r"preload-ready .*pid=(\d+)", server.output)]


def wait_until_moved(server: ServerProcess, pid: int, old: Path, new: Path) -> None:
    """A process has both files open for a moment, the old one and the new one."""
    server.wait_until(partial(writes_to, new, pid), f"{pid} writes to the new file")
    server.wait_until(partial(has_left, old, pid), f"{pid} has left the old file")


def writes_to(log: Path, pid: int) -> bool:
    return str(log) in open_files(pid)


def has_left(log: Path, pid: int) -> bool:
    return str(log) not in open_files(pid)


def is_preload(log: Path, pid: int) -> bool:
    return f"preload-ready pid={pid} " in log.read_text()


@pytest.mark.parametrize("name", ["log_file", "access_log_file"])
def test_a_file_that_cannot_be_written_ends_the_start(
    start_command: Callable[..., ServerProcess], tmp_path: Path, name: str
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    flag = f"--{name.replace('_', '-')}"
    command = [sys.executable, "-m", "trivet", "serve", "shop", flag, "none/shop.log"]
    server = start_command(command, tmp_path, [])
    assert server.wait() == 4
    assert f"{name} {tmp_path}/none/shop.log cannot be written: No such file" in server.output


def test_without_a_log_file_usr1_ends_nobody(
    start_command: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    address = free_tcp_address()
    command = [sys.executable, "-m", "trivet", "serve", "shop", "-w", "1", "--bind", address.bind]
    server = start_command(command, tmp_path, [address])
    server.wait_for_output("server-ready")
    os.killpg(server.pid, signal.SIGUSR1)  # as `pkill -USR1 trivet` of a logrotate script
    server.wait_for_output("signal-ignored signal=SIGUSR1")
    assert server.stop() == 0
    assert "worker-died" not in server.output
