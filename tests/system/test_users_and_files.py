"""Users, permissions, directories and the pid file, with a real server."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.addresses import UnixAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.test_processes import wait_until

pytestmark = pytest.mark.system

#: Other users cannot read what pytest has copied.
SOURCE = Path(__file__).parents[2] / "python"

APP = """\
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    made = os.open("made", os.O_CREAT | os.O_WRONLY, 0o666)
    os.close(made)
    facts = os.getuid(), os.getgid(), sorted(os.getgroups()), os.environ.get("HOME")
    return [repr(facts).encode()]
"""

Start = Callable[..., ServerProcess]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that every user may enter and write to, with the app; pytest's own is private."""
    made = Path(tempfile.mkdtemp(prefix="trivet-users-"))
    made.chmod(0o777)
    (made / "shop.py").write_text(APP)
    yield made
    shutil.rmtree(made)


def command(*flags: str, python: str = sys.executable) -> list[str]:
    return [python, "-m", "trivet", "serve", "shop", "-w", "1", *flags]


def ask(server: ServerProcess) -> str:
    server.wait_for_output("server-ready")
    with Wire(server.address) as wire:
        return wire.exchange("GET", "/").body.decode()


def python_for_all() -> str:
    """An interpreter that other users may run, of this very version; the test's may be private."""
    here = Path(sys.executable).resolve()
    closed = [place for place in here.parents if not place.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return sys.executable
    found = f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    if not os.path.exists(found):
        pytest.skip(f"other users cannot run {here}")
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("preload", [False, True])
def test_the_app_runs_as_the_user_and_the_supervisor_does_not(
    start_command: Start, folder: Path, preload: bool
) -> None:
    entry = pwd.getpwnam("daemon")
    address = UnixAddress(folder / "shop.sock")
    flags = ["--user", "daemon", "--bind", address.bind, "--socket-mode", "660"]
    flags += ["--preload"] if preload else []
    server = start_command(
        command(*flags, python=python_for_all()), folder, [address], PYTHONPATH=str(SOURCE)
    )
    groups = sorted(os.getgrouplist("daemon", entry.pw_gid))
    assert ask(server) == repr((entry.pw_uid, entry.pw_gid, groups, entry.pw_dir))
    status = (folder / "shop.sock").stat()
    assert (status.st_uid, status.st_gid) == (entry.pw_uid, entry.pw_gid)
    assert stat.S_IMODE(status.st_mode) == 0o660
    assert os.stat(f"/proc/{server.pid}").st_uid == 0
    server.signal(signal.SIGHUP)
    server.wait_for_output(" reloaded ")
    assert ask(server).startswith(f"({entry.pw_uid}, {entry.pw_gid}")
    assert server.stop() == 0
    assert not (folder / "shop.sock").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("preload", [False, True])
def test_the_access_log_goes_where_only_the_supervisor_may_make_files(
    start_command: Start, folder: Path, preload: bool
) -> None:
    logs = folder / "logs"
    logs.mkdir(mode=0o755)
    log, old = logs / "access.log", logs / "access.log.1"
    address = UnixAddress(folder / "shop.sock")
    flags = ["--user", "daemon", "--bind", address.bind, "--access-log-file", str(log)]
    flags += ["--preload"] if preload else []
    server = start_command(
        command(*flags, python=python_for_all()), folder, [address], PYTHONPATH=str(SOURCE)
    )
    ask(server)
    server.wait_until(lambda: "GET / " in log.read_text(), "a line in the access log")
    log.rename(old)
    server.signal(signal.SIGUSR1)
    # A line says that the worker has gone on there; the old file may have got some before.
    server.wait_until(lambda: bool(ask(server)) and log.exists() and bool(log.read_text()), "USR1")
    assert log.stat().st_uid == old.stat().st_uid == pwd.getpwnam("daemon").pw_uid
    assert server.stop() == 0
    assert "log-not-reopened" not in server.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_user_who_cannot_read_the_code_ends_the_start(start_command: Start, folder: Path) -> None:
    copy = folder / "private"
    copy.mkdir(mode=0o700)
    shutil.copytree(SOURCE / "trivet", copy / "trivet")
    flags = command("--user", "daemon", "--bind", "127.0.0.1:0", python=python_for_all())
    server = start_command(flags, folder, [], PYTHONPATH=str(copy))
    assert server.wait() == 4
    assert "user daemon cannot read" in server.output


def test_an_unknown_user_ends_the_start(folder: Path) -> None:
    result = subprocess.run(
        command("--user", "no-such-user", "--bind", "127.0.0.1:0"),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 4
    assert "there is no user no-such-user on this machine" in result.stderr


def test_new_files_have_the_permissions_that_the_umask_leaves(
    start_command: Start, folder: Path
) -> None:
    address = UnixAddress(folder / "shop.sock")
    flags = ["--umask", "027", "--bind", address.bind, "--pid-file", "shop.pid"]
    server = start_command(command(*flags), folder, [address])
    ask(server)
    modes = {
        name: stat.S_IMODE((folder / name).stat().st_mode)
        for name in ("made", "shop.sock", "shop.pid")
    }
    assert modes == {"made": 0o640, "shop.sock": 0o750, "shop.pid": 0o640}


def test_the_pid_file_is_there_from_ready_to_the_end_and_keeps_others_out(
    start_command: Start, folder: Path
) -> None:
    address = free_tcp_address()
    flags = ["--bind", address.bind, "--pid-file", "shop.pid"]
    server = start_command(command(*flags), folder, [address])
    server.wait_for_output("server-ready")
    assert (folder / "shop.pid").read_text() == f"{server.pid}\n"
    again = subprocess.run(
        command("--bind", "127.0.0.1:0", "--pid-file", "shop.pid"),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 4
    assert f"names process {server.pid}, which is running" in again.stderr
    server.signal(signal.SIGKILL)
    server.wait()
    server.clean_up()
    wait_until(lambda: not server.has_left_processes(), "its worker has let go of the address")
    successor = start_command(command(*flags), folder, [address])
    successor.wait_for_output(f"pid-file-stale path=.* pid={server.pid}")
    successor.wait_for_output("server-ready")
    assert successor.stop() == 0
    assert not [path for path in folder.iterdir() if "pid" in path.name]


def test_a_reload_follows_a_link_that_chdir_names(start_command: Start, folder: Path) -> None:
    for version in ("one", "two"):
        (folder / version).mkdir()
        (folder / version / "shop.py").write_text(
            "import lib\ndef app(environ, start_response):\n"
            f"    start_response('200 OK', [])\n    return [b'{version} ' + lib.NAME]\n"
        )
        (folder / version / "more").mkdir()
        (folder / version / "more" / "lib.py").write_text(f"NAME = b'lib-{version}'\n")
    (folder / "current").symlink_to("one")
    address = free_tcp_address()
    flags = ["--bind", address.bind, "--chdir", "current", "--pythonpath", "more"]
    server = start_command(command(*flags), folder, [address])
    assert ask(server) == "one lib-one"
    (folder / "current").unlink()
    (folder / "current").symlink_to("two")
    server.signal(signal.SIGHUP)
    server.wait_for_output(" reloaded ")
    assert ask(server) == "two lib-two"
    (folder / "current").unlink()
    server.signal(signal.SIGHUP)
    server.wait_for_output("reload-failed")
    assert ask(server) == "two lib-two"


def test_daemon_mode_is_refused_with_the_way_to_go() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "trivet", "serve", "--daemon"], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "docs/guides/systemd.md" in result.stderr
