"""trivet.supervisor.pid_file: who may have the file, and who removes it."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trivet.errors import HostError
from trivet.observe.log import Log
from trivet.supervisor.pid_file import PidFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.pid"


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_the_file_is_there_when_the_server_is_ready_and_gone_at_the_end(path: Path) -> None:
    pid_file = PidFile(str(path), Log(None))
    assert not path.exists()
    pid_file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.remove()
    assert list(path.parent.iterdir()) == []


def test_a_start_that_fails_leaves_nothing(path: Path) -> None:
    PidFile(str(path), Log(None)).remove()
    assert list(path.parent.iterdir()) == []


def test_the_file_of_a_living_process_is_refused_and_kept(path: Path) -> None:
    path.write_text(f"{os.getppid()}\n")
    with pytest.raises(HostError, match=f"names process {os.getppid()}, which is running"):
        PidFile(str(path), Log(None))
    assert list(path.parent.iterdir()) == [path]


def test_the_file_of_a_process_that_has_ended_is_replaced_and_told(path: Path) -> None:
    ended = ended_process()
    path.write_text(str(ended))
    stream = io.StringIO()
    PidFile(str(path), Log(stream)).write()
    assert f"pid-file-stale path={path} pid={ended}" in stream.getvalue()
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_file_with_something_else_in_it_is_kept(path: Path) -> None:
    path.write_text("[settings]\n")
    with pytest.raises(HostError, match="holds something else"):
        PidFile(str(path), Log(None))
    assert path.read_text() == "[settings]\n"


def test_a_missing_directory_is_told_at_the_start(path: Path) -> None:
    with pytest.raises(HostError, match="cannot be written: No such file"):
        PidFile(str(path.parent / "none" / "shop.pid"), Log(None))


def test_the_file_of_a_successor_is_left_alone(path: Path) -> None:
    pid_file = PidFile(str(path), Log(None))
    pid_file.write()
    path.rename(path.with_suffix(".old"))
    path.write_text("1\n")
    pid_file.remove()
    assert path.read_text() == "1\n"
