"""The terminal of `trivet dev` through a pseudo-terminal: keys, widths, and how it is left."""

import os
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

PROGRAM = [str(Path(__file__).with_name("terminal_program.py"))]
REPOSITORY = Path(__file__).parents[2]

Start = Callable[..., pexpect.spawn]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program on a terminal of its own."""
    started: list[pexpect.spawn] = []

    def start_on_terminal(
        command: list[str] | None = None, *, columns: int = 80, **environment: str
    ) -> pexpect.spawn:
        child = pexpect.spawn(
            command[0] if command else sys.executable,
            command[1:] if command else PROGRAM,
            dimensions=(40, columns),
            timeout=15,
            encoding="utf-8",
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TERM": "xterm-256color",
                "PYTHONUTF8": "1",
                **environment,
            },
        )
        child.delaybeforesend = None
        started.append(child)
        return child

    yield start_on_terminal
    for child in started:
        child.close(force=True)


def screen_of(child: pexpect.spawn, columns: int = 80) -> list[str]:
    """What a person sees when all that was written up to the last match has been drawn."""
    screen = pyte.Screen(columns, 40)
    pyte.Stream(screen).feed(f"{child.before}{child.after}")
    return [line.rstrip() for line in screen.display if line.strip()]


def flags(child: pexpect.spawn) -> int:
    """The local flags of the terminal: whether it gives lines, and echoes."""
    local: int = termios.tcgetattr(child.child_fd)[3]
    return local & (termios.ICANON | termios.ECHO)


LINES_AND_ECHO = termios.ICANON | termios.ECHO


def test_the_screen_as_a_person_sees_it(start: Start) -> None:
    child = start()
    child.expect_exact("listening")
    lines = [re.sub(r"\d\d:\d\d:\d\d", "12:00:00", line) for line in screen_of(child)]
    assert lines[0].startswith("  trivet ")
    assert lines[1] == "  ➜  http://127.0.0.1:8000"
    assert "     app      shop:app   found in shop.py" in lines
    assert "     env      .env (SECRET_KEY)" in lines
    assert "  q quit · r restart · o open · d diff to production · ? more" in lines
    request = next(line for line in lines if "GET" in line)
    assert request.split() == ["12:00:00", "GET", "/", "200", "12", "ms", "shop"]
    assert not any("a.css" in line for line in lines)
    assert lines[-6:-1] == [
        "12:00:00 ✗ ZeroDivisionError: division by zero",
        "    shop.py:3",
        "        return 1 / 0",
        "               ^^^^^",
        "    http://127.0.0.1:8000/-/trivet/errors/7",
    ]


def test_colours_are_left_out_for_who_asked_for_none(start: Start) -> None:
    child = start(NO_COLOR="1")
    child.expect_exact("listening")
    assert "\x1b" not in (child.before or "")


def test_a_narrow_terminal_is_not_overrun(start: Start) -> None:
    child = start(columns=36, NO_COLOR="1")
    child.expect_exact("listening")
    long_lines = [line for line in (child.before or "").split("\r\n") if len(line) > 36]
    assert [line.strip() for line in long_lines] == ["http://127.0.0.1:8000/-/trivet/errors/7"]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("r", r"changed shop\.py\r\n.*↻.* reloaded in 180 ms"),
        ("o", r"opened http://127\.0\.0\.1:8000/\?token"),
        ("e", r"opened http://127\.0\.0\.1:8000/-/trivet/errors/7"),
        ("d", r"workers  1  2"),
        ("t", r"Traceback \(most recent"),
        ("v", r"requests for static files are shown"),
        ("?", r"restart.*import everything anew|import everything anew"),
    ],
)
def test_a_key_does_what_the_help_says(start: Start, key: str, shown: str) -> None:
    child = start()
    child.expect_exact("listening")
    child.send(key)
    child.expect(shown)


def test_keys_are_read_singly_and_not_echoed(start: Start) -> None:
    child = start()
    child.expect_exact("listening")
    assert flags(child) == 0
    child.send("x\x1b[Ad")  # an unknown key, an arrow, and one that shows something
    child.send("q")
    child.expect_exact("ended")
    assert "x" not in (child.before or "").replace("max", "")


def test_quit_leaves_the_terminal_as_it_was(start: Start) -> None:
    child = start()
    child.expect_exact("listening")
    child.send("q")
    child.expect_exact("ended")
    assert flags(child) == LINES_AND_ECHO


def test_control_c_leaves_the_terminal_as_it_was(start: Start) -> None:
    child = start()
    child.expect_exact("listening")
    child.sendintr()
    child.expect_exact("KeyboardInterrupt")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.signalstatus == signal.SIGINT


def test_a_stopped_process_gives_the_keyboard_back_and_takes_it_again(start: Start) -> None:
    # With a shell's job control, as a person has it.
    child = start(["/bin/bash", "--norc", "--noprofile", "-i"], PS1="ready> ", NO_COLOR="1")
    child.expect_exact("ready> ")
    child.sendline(f"{sys.executable} {PROGRAM[0]}")
    child.expect_exact("listening")
    child.sendcontrol("z")
    child.expect_exact("Stopped")
    child.expect_exact("ready> ")
    child.sendline("echo lines-$((40 + 2))")
    child.expect_exact("lines-42")
    child.expect_exact("ready> ")
    child.sendline("fg")
    child.expect_exact("terminal_program.py")
    child.send("d")
    child.expect_exact("workers  1  2")
    child.send("q")
    child.expect_exact("ended")


def test_a_process_in_the_background_leaves_the_keyboard_to_the_shell(start: Start) -> None:
    child = start(["/bin/bash", "--norc", "--noprofile", "-i"], PS1="ready> ", NO_COLOR="1")
    child.expect_exact("ready> ")
    child.sendline(f"{sys.executable} {PROGRAM[0]} &")
    child.expect(r"\[1\] (\d+)\r\n")  # to its end: half of a number is another process
    assert isinstance(child.match, re.Match)
    pid = int(child.match[1])
    child.expect_exact("listening")
    child.sendline("echo quiet-$((40 + 2))")
    child.expect_exact("quiet-42")
    child.sendline("jobs")
    child.expect_exact("Running")
    os.kill(pid, signal.SIGKILL)


def test_without_a_terminal_there_are_plain_pairs_and_no_keys() -> None:
    result = subprocess.run(
        [sys.executable, *PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    started, request, failure, *_ = result.stderr.splitlines()
    assert 'info dev-started url=http://127.0.0.1:8000 app=shop:app reason="found in shop.py"' in (
        started
    )
    assert "env=.env:SECRET_KEY" in started
    assert "dev-request method=GET path=/ status=200 ms=12 view=shop" in request
    assert 'dev-exception error="ZeroDivisionError: division by zero" place=shop.py:3' in failure
    assert "\x1b" not in result.stderr
