"""The listening control socket: who may use it, and whose file it replaces or removes."""

import io
import os
import socket
import stat
from pathlib import Path

import pytest

from trivet.control.listener import ControlListener, open_control
from trivet.errors import HostError
from trivet.observe.log import Log

LOG = Log(None)


def opened(setting: str | Path, environ: dict[str, str] | None = None) -> ControlListener:
    control = open_control(str(setting), environ or {}, LOG)
    assert control is not None
    return control


def test_off_is_no_socket() -> None:
    assert open_control("off", {}, LOG) is None


def test_auto_is_a_socket_by_pid_that_only_the_owner_may_use(tmp_path: Path) -> None:
    control = opened("auto", {"XDG_RUNTIME_DIR": str(tmp_path)})
    path = tmp_path / "trivet" / f"{os.getpid()}.sock"
    assert control.path == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]
    control.close()
    assert not path.exists()


def test_a_given_path_is_closed_to_others_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        control = opened(tmp_path / "shop.sock")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shop.sock").stat().st_mode) == 0o600
    control.close()


def test_the_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "shop.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    control = opened(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    control.close()


def test_the_socket_of_a_running_server_is_left_alone(tmp_path: Path) -> None:
    control = opened(tmp_path / "shop.sock")
    with pytest.raises(HostError, match="another server listens there"):
        open_control(str(tmp_path / "shop.sock"), {}, LOG)
    control.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shop.sock").write_text("mine")
    with pytest.raises(HostError, match="no socket"):
        open_control(str(tmp_path / "shop.sock"), {}, LOG)
    assert (tmp_path / "shop.sock").read_text() == "mine"


def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="longer than"):
        open_control(str(tmp_path / ("x" * 200)), {}, LOG)


def test_a_server_removes_no_socket_of_its_successor(tmp_path: Path) -> None:
    path = tmp_path / "shop.sock"
    first = opened(path)
    first.listener.close()
    second = opened(path)
    first.close()
    assert path.exists()
    second.close()


def test_without_a_private_place_the_server_starts_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.control.place.SHARED_DIRECTORY", str(tmp_path / "missing"))
    stream = io.StringIO()
    assert open_control("auto", {}, Log(stream)) is None
    assert "control-unavailable" in stream.getvalue()
