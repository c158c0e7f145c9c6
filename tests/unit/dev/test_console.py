"""Frames held by a process, and asked for by another one; bounded."""

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from types import FrameType

from tests.unit.dev.pages import caught
from trivet.dev.console import ERRORS_BETWEEN_CLEANING, ERRORS_HELD, Consoles, short_path

ASKS = """
import sys
from pathlib import Path
from trivet.dev.console import Consoles
answer = Consoles(Path(sys.argv[1])).ask(sys.argv[2], sys.argv[3])
print(answer.output if answer else "gone", end="")
"""


def frame_with(value: object) -> FrameType:
    def inner(held: object) -> None:
        raise ValueError

    traceback = caught(lambda: inner(value)).__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_name != "inner":
        traceback = traceback.tb_next
    assert traceback is not None
    return traceback.tb_frame


def asked_by_another(folder: Path, frame: str, code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", ASKS, str(folder), frame, code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "python")},
    )
    return result.stdout


def test_another_process_may_ask_for_a_frame(tmp_path: Path) -> None:
    consoles = Consoles(tmp_path)
    ((name,),) = consoles.hold([[frame_with(41)]])
    assert asked_by_another(tmp_path, name, "held + 1") == "42\n"
    assert asked_by_another(tmp_path, name, "x = held") == ""
    assert asked_by_another(tmp_path, name, "x") == "41\n"


def test_the_folder_of_the_sockets_may_have_a_long_path(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name" * 15)
    consoles = Consoles(folder)
    ((name,),) = consoles.hold([[frame_with(41)]])
    assert asked_by_another(folder, name, "held + 1") == "42\n"


def test_the_socket_is_the_users_alone(tmp_path: Path) -> None:
    Consoles(tmp_path).hold([[frame_with(1)]])
    mode = (tmp_path / f"console-{os.getpid()}.sock").stat().st_mode
    assert mode & 0o777 == 0o600


def test_a_process_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert Consoles(tmp_path).ask(f"{ended.pid}-1-0-0", "1") is None
    (tmp_path / f"console-{ended.pid}.sock").touch()  # what it left behind
    assert Consoles(tmp_path).ask(f"{ended.pid}-1-0-0", "1") is None


def test_only_the_last_errors_are_held(tmp_path: Path) -> None:
    class Large:
        """Stands for what a request had in memory."""

    consoles = Consoles(tmp_path)
    alive = []
    for _ in range(ERRORS_HELD + 30):
        large = Large()
        alive.append(weakref.ref(large))
        consoles.hold([[frame_with(large)]])
        del large
    gc.collect()
    assert sum(reference() is not None for reference in alive) == ERRORS_HELD


def test_errors_that_refer_to_their_own_frames_are_freed_as_well(tmp_path: Path) -> None:
    class Large:
        """Stands for what a request had in memory."""

    def view() -> None:
        large = Large()
        alive.append(weakref.ref(large))
        try:
            raise ValueError(large)
        except ValueError as raised:
            error = raised  # as Flask's wsgi_app has it: a circle
            traceback = error.__traceback__
            assert traceback is not None
            consoles.hold([[traceback.tb_frame]])

    consoles = Consoles(tmp_path)
    alive: list[weakref.ref[Large]] = []
    gc.disable()
    try:
        for _ in range(3 * ERRORS_HELD):
            view()
        still = sum(reference() is not None for reference in alive)
    finally:
        gc.enable()
    assert still <= ERRORS_HELD + ERRORS_BETWEEN_CLEANING


def test_frames_without_a_python_frame_have_no_console(tmp_path: Path) -> None:
    assert Consoles(tmp_path).hold([[None, None]]) == [["", ""]]


def test_a_short_path_is_left_as_it_is() -> None:
    with short_path(Path("/tmp"), "a.sock") as path:
        assert path == "/tmp/a.sock"
