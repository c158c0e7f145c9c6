"""`trivet dev` and code that cannot be loaded: the error is shown, and the fixed save recovers."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.process import ServerProcess
from tests.system.dev_server import DevServer

pytestmark = pytest.mark.system

BROKEN = {
    "SyntaxError": ("value = (", "was never closed"),
    "ModuleNotFoundError": ("import no_such_module", "No module named 'no_such_module'"),
    "NameError": ("value = no_such_name", "no_such_name"),
    "sys.exit(1)": ("import sys; sys.exit(1)", "SystemExit"),
    "endless loop": ("while True: pass", "still being imported"),
    "os.abort()": ("import os; os.abort()", "SIGABRT"),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_edit_is_shown_and_a_fixed_one_recovers(
    what: str,
    start_command: Callable[..., ServerProcess],
    tmp_path: Path,
    trivet_folder: Path,
    full_size: bool,
) -> None:
    code, told = BROKEN[what]
    server = DevServer(start_command, tmp_path / "project", trivet_folder, {})
    server.wait_until_ready()
    for number in range(20 if full_size else 2):
        server.edit(f"{code}  # {number}\n", "dev-failed")
        status, page = server.get()
        assert (status, told in page) == (500, True), page
        server.edit(f"value = 'fixed {number}'\n", "dev-recovered")
        assert server.get()[1].startswith(f"fixed {number} ")
    assert server.process.stop() == 0


def test_an_app_that_is_broken_at_the_start_is_served_when_it_is_mended(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> None:
    files = {"helper.py": "value = ("}
    server = DevServer(start_command, tmp_path / "project", trivet_folder, files)
    server.wait_for("dev-failed", 1)
    assert server.get()[0] == 500
    server.edit("value = 'mended'", "dev-recovered")
    assert server.get()[1].startswith("mended ")


def test_an_import_that_ends_late_is_served_without_another_save(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> None:
    gate = tmp_path / "gate"
    server = DevServer(start_command, tmp_path / "project", trivet_folder, {})
    server.wait_until_ready()
    # Opening a FIFO waits for its other end.
    os.mkfifo(gate)
    server.edit(f"value = open({str(gate)!r}).read()", "dev-failed")
    assert "still being imported" in server.get()[1]
    gate.write_text("late")
    server.wait_for("dev-recovered", 1)
    assert server.get()[1].startswith("late ")


def test_a_worker_that_crashes_while_it_serves_is_replaced(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> None:
    server = DevServer(start_command, tmp_path / "project", trivet_folder, {})
    server.wait_until_ready()
    first = int(server.get()[1].split()[1])
    os.kill(first, signal.SIGSEGV)
    server.process.wait_for_output("SIGSEGV while it served")
    second = int(server.get()[1].split()[1])
    assert second != first
