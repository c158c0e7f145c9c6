"""When a server cannot be replaced by a new one, and by which name it knows its directory."""

import os
from pathlib import Path

import pytest

from tests.unit.supervisor.test_loop import supervisor
from trivet.errors import TrivetError
from trivet.supervisor.activation import PassedSockets
from trivet.supervisor.loop import Supervisor
from trivet.supervisor.upgrade import Relaunch, logical_directory

RELAUNCH = Relaunch("/", PassedSockets())


def refusal(asked: Supervisor) -> str:
    told: list[TrivetError | None] = []
    asked.upgrade.begin("a test", told.append)
    (error,) = told
    assert error is not None
    assert not asked.upgrade.is_under_way
    return error.what


def test_process_1_of_a_container_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = supervisor(workers=1, relaunch=RELAUNCH)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert "process 1 of its container" in refusal(asked)


def test_a_script_is_not_started_again() -> None:
    assert "started by a script" in refusal(supervisor(workers=1))


def test_a_server_that_ends_is_not_replaced() -> None:
    asked = supervisor(workers=1, relaunch=RELAUNCH)
    asked.stop("a test")
    assert "about to stop" in refusal(asked)


def test_the_directory_keeps_the_name_by_which_the_shell_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "release").mkdir()
    link = tmp_path / "current"
    link.symlink_to("release")
    monkeypatch.chdir(link)
    monkeypatch.setenv("PWD", str(link))
    assert logical_directory(os.environ) == str(link)


@pytest.mark.parametrize("named", ["/", "relative", "/no/such/directory", ""])
def test_a_name_that_is_not_of_this_directory_is_not_believed(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", named)
    assert logical_directory(os.environ) == str(tmp_path.resolve())
