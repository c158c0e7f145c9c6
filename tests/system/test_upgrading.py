"""An upgrade of the server itself: a new supervisor takes the sockets over, and nothing is lost."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving.addresses import Address, TcpAddress, UnixAddress, free_tcp_address
from tests.serving.load import under_load
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.test_hooks import MODULE, calls, flags

pytestmark = pytest.mark.system

CLIENTS = 32

APP = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1")])
    return [b"{version}"]
"""

HANGS = 'print("hangs", flush=True)\nimport time\ntime.sleep(600)\n'

#: Becomes the command, with variables that name its own pid.
AS_ITS_MANAGER = """\
import os, sys
for variable in sys.argv[1].split():
    name, _, value = variable.partition("=")
    os.environ[name] = value.replace("PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""

#: Opens a socket as a service manager does, and becomes the command.
OPENS_A_SOCKET = """\
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.argv[2], sys.argv[2:])
"""

TAKEN = r" taken-over "
FAILED = r" upgrade-failed "


class Server:
    """A project with one app, and the servers that serve it, one after the other."""

    def __init__(self, folder: Path, start: Callable[..., ServerProcess]) -> None:
        self.folder = folder
        self.address: Address = free_tcp_address()
        self._start = start
        self._deployed = 0
        self.control = folder / "control.sock"

    def deploy(self, source: str) -> None:
        self._deployed += 1
        file = self.folder / "shop.py"
        file.write_text(source)
        # Python takes a cached module for current when time and size have not changed.
        moment = time.time() + self._deployed
        os.utime(file, (moment, moment))

    def serve(self, *flags: str, before: tuple[str, ...] = (), **environment: str) -> ServerProcess:
        command = [*before, sys.executable, "-m", "trivet", "serve", "shop", "--no-access-log"]
        command += ["--control", str(self.control), *flags]
        if not before and "--bind" not in flags:
            command += ["--bind", self.address.bind]
        self.process = self._start(command, self.folder, [self.address], **environment)
        self.process.wait_for_output("server-ready")
        return self.process

    def version(self) -> str:
        with Wire(self.address) as wire:
            return wire.exchange("GET", "/").body.decode()

    def wait_for(self, pattern: str, count: int = 1) -> str:
        """The last match of a line in the log, when there are so many and it is whole."""

        def found() -> list[str]:
            return re.findall(f"{pattern}.*(?=\n)", self.process.output)

        try:
            wait_until(lambda: len(found()) >= count, f"{count} of {pattern}")
        except AssertionError as error:
            raise self.process.failure(str(error)) from None
        return found()[-1]

    def upgrade(self, source: str) -> int:
        """Deploy, send USR2 and wait for the new server; its pid."""
        self.deploy(source)
        self.process.signal(signal.SIGUSR2)
        self.wait_for(TAKEN)
        return int(self.wait_for(" handed-over ").rpartition("=")[2])

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `trivet` in the project."""
        return subprocess.run(
            [sys.executable, "-m", "trivet", *words, "--control", str(self.control)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )


def wait_until(condition: Callable[[], object], description: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, description
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def end(pid: int, number: int = signal.SIGTERM) -> None:
    """End a server and see that its workers end too."""
    workers = children(pid)
    assert workers
    os.kill(pid, number)
    wait_until(lambda: all(map(is_gone, [pid, *workers])), "server and workers have ended")


@pytest.fixture
def server(tmp_path: Path, start_command: Callable[..., ServerProcess]) -> Server:
    folder = tmp_path / "project"
    folder.mkdir()
    server = Server(folder, start_command)
    server.deploy(APP.format(version=0))
    return server


@contextmanager
def manager(path: Path) -> Iterator[Callable[[], list[str]]]:
    """Listens as systemd does; what it was told so far, one message after the other."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.setblocking(False)
        told: list[str] = []

        def look() -> list[str]:
            while True:
                try:
                    told.append(channel.recv(4096).decode())
                except BlockingIOError:
                    return told

        yield look


@pytest.mark.timeout(180)
@pytest.mark.parametrize("flags", [(), ("--preload",)], ids=["plain", "preload"])
def test_an_upgrade_under_load_loses_nothing(
    server: Server, flags: tuple[str, ...], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    old = server.serve("-w", "2", "--pid-file", str(pid_file), *flags)
    assert int(pid_file.read_text()) == old.pid
    with under_load(server.address, "/", CLIENTS, closing=CLIENTS // 2) as load:
        load.wait_for_answers(200)
        new = server.upgrade(APP.format(version=1))
        assert old.wait() == 0
        load.wait_for_answers(load.answers + 200)
        assert server.version() == "1"
        assert int(pid_file.read_text()) == new
        # And once more: the new server is as good as one that was started by hand.
        server.deploy(APP.format(version=2))
        os.kill(new, signal.SIGUSR2)
        server.wait_for(TAKEN, 2)
        newest = int(server.wait_for(" handed-over ", 2).rpartition("=")[2])
        wait_until(lambda: is_gone(new), "the second server has ended")
        load.wait_for_answers(load.answers + 200)
        assert server.version() == "2"
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    assert int(pid_file.read_text()) == newest
    end(newest)
    assert not pid_file.exists()
    assert not server.control.exists()


def test_the_command_tells_the_new_pid_and_finds_the_new_server(server: Server) -> None:
    old = server.serve("-w", "1")
    told = server.type("upgrade", "--json")
    assert told.returncode == 0, told.stderr
    new = json.loads(told.stdout)["pid"]
    assert old.wait() == 0
    assert json.loads(server.type("ps", "--json").stdout)["server"]["pid"] == new
    stopped = server.type("stop")
    assert stopped.returncode == 0, stopped.stderr
    wait_until(lambda: is_gone(new), "the new server has ended")


def test_the_old_server_is_there_until_the_new_one_has_its_place(
    server: Server, tmp_path: Path
) -> None:
    gate, pid_file, hooks = tmp_path / "gate", tmp_path / "pid", server.folder / "hooks.py"
    os.mkfifo(gate)
    hooks.write_text("def wait(call):\n    pass\n")
    old = server.serve("-w", "1", "--pid-file", str(pid_file), "--when-ready", "hooks:wait")
    # The new supervisor says that it is ready, and then hears nothing.
    hooks.write_text(f"def wait(call):\n    open({str(gate)!r}).read()\n")
    old.signal(signal.SIGUSR2)
    new = int(server.wait_for(" handed-over ").rpartition("=")[2])
    assert int(pid_file.read_text()) == old.pid
    assert json.loads(server.type("ps", "--json").stdout)["server"]["pid"] == old.pid
    gate.write_text("go on")
    assert old.wait() == 0
    assert int(pid_file.read_text()) == new
    assert json.loads(server.type("ps", "--json").stdout)["server"]["pid"] == new
    end(new)


def test_code_that_does_not_load_leaves_the_old_server_and_is_told(server: Server) -> None:
    server.serve("-w", "2")
    server.deploy("raise RuntimeError('no database')\n")
    told = server.type("upgrade")
    assert told.returncode == 3
    assert "RuntimeError: no database" in told.stderr
    server.wait_for(FAILED)
    # Both servers write to the same place, and it is told once.
    assert server.process.output.count("importing shop failed: RuntimeError: no database") == 1
    assert server.version() == "0"
    new = server.upgrade(APP.format(version=1))
    assert server.process.wait() == 0
    assert server.version() == "1"
    end(new)


def test_settings_that_are_wrong_leave_the_old_server_and_are_told(server: Server) -> None:
    server.serve("-w", "1")
    (server.folder / "trivet.toml").write_text('threads = "many"\n')
    told = server.type("upgrade", "--config", os.devnull)
    assert told.returncode == 2
    assert "threads" in told.stderr
    assert server.version() == "0"
    assert server.process.stop() == 0


def test_a_new_server_that_is_killed_is_told(server: Server) -> None:
    server.serve("-w", "1")
    server.deploy("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
    server.process.signal(signal.SIGUSR2)
    assert "was killed by SIGKILL before it was ready" in server.wait_for(FAILED)
    assert server.version() == "0"
    assert server.process.stop() == 0


def test_a_second_wish_while_the_new_server_loads_is_refused(server: Server) -> None:
    server.serve("-w", "1")
    server.deploy(HANGS)
    server.process.signal(signal.SIGUSR2)
    server.wait_for("hangs")
    told = server.type("upgrade")
    assert told.returncode == 4
    assert "an upgrade is under way" in told.stderr
    assert server.version() == "0"
    assert server.process.stop() == 0
    assert "the server was told to stop during the upgrade" in server.wait_for(FAILED)


def test_a_stop_during_an_upgrade_ends_both_servers(server: Server) -> None:
    old = server.serve("-w", "2")
    server.deploy(HANGS)
    old.signal(signal.SIGUSR2)
    server.wait_for("hangs")
    assert old.stop() == 0
    assert not old.has_left_processes()


def test_no_new_server_outlives_an_old_one_that_was_killed_before_it_was_ready(
    server: Server,
) -> None:
    old = server.serve("-w", "1")
    server.deploy(HANGS)
    old.signal(signal.SIGUSR2)
    server.wait_for("hangs")
    new = int(server.wait_for(" upgrading ").rpartition("=")[2])
    processes = [*children(old.pid), *children(new)]
    assert new in processes
    old.signal(signal.SIGKILL)
    wait_until(lambda: all(map(is_gone, processes)), "everything has ended")


@pytest.mark.parametrize("flags", [(), ("--preload",)], ids=["plain", "preload"])
def test_no_worker_outlives_a_new_server_that_is_killed(
    server: Server, flags: tuple[str, ...]
) -> None:
    old = server.serve("-w", "2", *flags)
    new = server.upgrade(APP.format(version=1))
    assert old.wait() == 0
    end(new, signal.SIGKILL)


def test_the_file_of_a_unix_socket_stays_until_the_new_server_ends(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "socket"
    server.address = UnixAddress(path)
    old = server.serve("-w", "2")
    with under_load(server.address, "/", 8, closing=4) as load:
        load.wait_for_answers(50)
        new = server.upgrade(APP.format(version=1))
        assert old.wait() == 0
        load.wait_for_answers(load.answers + 50)
    assert (load.failures, load.wrong, load.refused) == ([], [], 0)
    assert server.version() == "1"
    end(new)
    assert not path.exists()


def test_other_addresses_are_taken_up_and_those_left_out_are_closed(server: Server) -> None:
    file, kept, left, new = server.folder / "trivet.toml", *(free_tcp_address() for _ in range(3))
    file.write_text(f'bind = ["{kept.bind}", "{left.bind}"]\n')
    server.address = kept
    # What stands before the command keeps the flag away: the file says where.
    old = server.serve("-w", "1", before=("/usr/bin/env",))
    file.write_text(f'bind = ["{new.bind}", "{kept.bind}"]\n')
    pid = server.upgrade(APP.format(version=1))
    assert old.wait() == 0
    for address in (kept, new):
        server.address = address
        assert server.version() == "1"
    with pytest.raises(ConnectionRefusedError):
        left.connect()
    end(pid)


def test_the_metrics_page_changes_hands(server: Server) -> None:
    page = free_tcp_address()
    old = server.serve("-w", "1", "--metrics", page.bind)
    new = server.upgrade(APP.format(version=1))
    assert old.wait() == 0
    with Wire(page) as wire:
        assert wire.exchange("GET", "/metrics").status == 200
    end(new)


def test_sockets_of_a_service_manager_are_passed_on(server: Server) -> None:
    assert isinstance(server.address, TcpAddress)
    before = (sys.executable, "-c", OPENS_A_SOCKET, str(server.address.port))
    old = server.serve("-w", "1", before=before)
    new = server.upgrade(APP.format(version=1))
    assert old.wait() == 0
    assert server.version() == "1"
    end(new)


def test_a_descriptor_that_the_settings_name_is_passed_on(server: Server) -> None:
    assert isinstance(server.address, TcpAddress)
    before = (sys.executable, "-c", OPENS_A_SOCKET, str(server.address.port))
    old = server.serve("-w", "1", "--bind", "fd://3", before=before)
    old.signal(signal.SIGHUP)
    server.wait_for(" reloaded ")
    new = server.upgrade(APP.format(version=1))
    assert old.wait() == 0
    assert server.version() == "1"
    end(new)


def test_systemd_is_told_of_the_new_process_and_of_no_stop(server: Server, tmp_path: Path) -> None:
    with manager(tmp_path / "notify") as told:
        old = server.serve("-w", "1", NOTIFY_SOCKET=str(tmp_path / "notify"))
        new = server.upgrade(APP.format(version=1))
        assert old.wait() == 0
        ready = f"READY=1\nSTATUS=1 workers serve\nMAINPID={new}"
        wait_until(lambda: ready in told(), "the new server says that it is ready")
        messages = told()
        change = f"MAINPID={new}\nSTATUS=a new server has taken over"
        assert messages.index(change) < messages.index(ready)
        assert not [message for message in messages if "STOPPING" in message]
        end(new)
        assert [message for message in told() if "STOPPING" in message]


def test_a_service_that_systemd_would_take_for_ended_is_not_upgraded(server: Server) -> None:
    before = (
        sys.executable,
        "-c",
        AS_ITS_MANAGER,
        "SYSTEMD_EXEC_PID=PID TRIVET_BIND=" + server.address.bind,
    )
    server.serve("-w", "1", before=before)
    told = server.type("upgrade")
    assert told.returncode == 4
    assert "Type=notify" in told.stderr
    assert server.version() == "0"
    assert server.process.stop() == 0


def test_an_upgrade_calls_pre_exec_in_the_old_server_and_on_starting_in_the_new_one(
    server: Server,
) -> None:
    (server.folder / "hooks.py").write_text(MODULE)
    server.deploy(
        "def app(environ, start_response):\n"
        "    print('printed')\n"
        "    start_response('200 OK', [])\n"
        "    return [b'ok']\n"
    )
    names = flags("on_starting", "pre_exec", "on_exit")
    old = server.serve("-w", "1", "--worker-output", "tagged", *names)
    server.process.signal(signal.SIGUSR2)
    new = int(server.wait_for(" handed-over ").rpartition("=")[2])
    assert old.wait() == 0
    assert server.version() == "ok"
    server.wait_for(r"(?m)^\[worker 1\] printed$")
    end(new)
    called = [(name, text.split()[0]) for name, text in calls(server.process.output)]
    assert called == [
        ("on_starting", f"in={old.pid}"),
        ("pre_exec", f"in={old.pid}"),
        ("on_starting", f"in={new}"),
        ("on_exit", f"in={old.pid}"),
        ("on_exit", f"in={new}"),
    ]
