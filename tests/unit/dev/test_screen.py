"""trivet.dev.screen: the words of the terminal, on terminals of any width."""

import platform
import time

import pytest

from trivet import __version__
from trivet.dev.cells import cells
from trivet.dev.failure import Failure
from trivet.dev.screen import (
    KEYS,
    StartFacts,
    changed_line,
    failure_block,
    help_screen,
    note_line,
    reloaded_line,
    start_screen,
)

PYTHON = platform.python_version()
NOON = time.mktime((2026, 11, 25, 12, 0, 0, 0, 0, -1))

FACTS = StartFacts(
    urls=("http://127.0.0.1:8000",),
    app="shop:create_app()",
    reason="FLASK_APP in .flaskenv",
    workers=1,
    threads=128,
    framework="Flask 3.1.3",
    environment=((".env", ("SECRET_KEY", "DATABASE_URL")), (".flaskenv", ("FLASK_APP",))),
    watch="38 .py, 12 templates, 9 static · inotify",
    errors="in the browser, this machine only",
    reach="this machine only (--lan for the network)",
)


def test_the_start_screen_says_what_was_chosen_and_why() -> None:
    assert (
        start_screen(FACTS, 100, colour=False, keys=True)
        == f"""
  trivet {__version__}  dev   Flask 3.1.3 · Python {PYTHON} · 1 worker × up to 128 threads

  ➜  http://127.0.0.1:8000   this machine only (--lan for the network)
     app      shop:create_app()   FLASK_APP in .flaskenv
     env      .env (SECRET_KEY, DATABASE_URL), .flaskenv (FLASK_APP)
     watch    38 .py, 12 templates, 9 static · inotify
     errors   in the browser, this machine only

  q quit · r restart · o open · d diff to production · ? more
"""
    )


def test_it_is_one_short_screen() -> None:
    assert start_screen(FACTS, 80, colour=True, keys=True).count("\n") < 16


@pytest.mark.parametrize("columns", [24, 30, 40, 60, 80, 200])
def test_it_fits_every_width_and_leaves_addresses_whole(columns: int) -> None:
    screen = start_screen(FACTS, columns, colour=False, keys=True)
    assert "http://127.0.0.1:8000" in screen
    too_long = [line for line in screen.splitlines() if cells(line) > columns]
    # A word that does not fit is not broken.
    assert all(len(line.split()) <= 2 for line in too_long)


def test_without_a_keyboard_there_is_no_menu() -> None:
    assert "q quit" not in start_screen(FACTS, 80, colour=False, keys=False)


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in start_screen(FACTS, 80, colour=False, keys=True)
    assert "\x1b[" in start_screen(FACTS, 80, colour=True, keys=True)


def test_the_help_has_every_key() -> None:
    text = help_screen(60, colour=False)
    for key, (_, _, about) in KEYS.items():
        assert f"  {key}  {about.split()[0]}" in text


def test_a_change_names_its_files_and_what_follows() -> None:
    line = changed_line(["static/site.css"], "↻ css only", NOON, 80, colour=False)
    assert line == "12:00:00 changed static/site.css   ↻ css only"


def test_many_changes_are_counted() -> None:
    line = changed_line([f"{name}.py" for name in "abcde"], "", NOON, 80, colour=False)
    assert line == "12:00:00 changed a.py, b.py, c.py, 2 more"


def test_a_reload_tells_its_time_and_why_it_took_long() -> None:
    assert reloaded_line(0.18, "", NOON, 80, False) == "12:00:00 ↻ reloaded in 180 ms"
    cold = reloaded_line(2.5, "grpc started threads", NOON, 80, False)
    assert cold == "12:00:00 ↻ reloaded in 2.5 s (everything was imported: grpc started threads)"


def test_a_failure_shows_the_line_and_a_caret_below_what_is_wrong() -> None:
    failure = Failure(
        error="SyntaxError: '(' was never closed",
        path="shop/views.py",
        line=41,
        source="total = sum(i.price for i in items",
        column=11,
        end_column=12,
    )
    assert failure_block(failure, ["Still listening."], NOON, 80, colour=False) == (
        "12:00:00 ✗ SyntaxError: '(' was never closed\n"
        "    shop/views.py:41\n"
        "        total = sum(i.price for i in items\n"
        "                   ^\n"
        "    Still listening."
    )


def test_the_caret_stands_right_below_wide_characters() -> None:
    failure = Failure(error="E", path="a.py", line=1, source="日本 = x", column=5, end_column=6)
    lines = failure_block(failure, [], NOON, 80, colour=False).splitlines()
    assert cells(lines[2].partition("x")[0]) == lines[3].index("^")


def test_text_of_an_exception_cannot_steer_the_terminal() -> None:
    failure = Failure(error="ValueError: \x1b[2J", path="a.py", line=1, source="raise\x1b[2J")
    assert "\x1b" not in failure_block(failure, ["\x1b[2J"], NOON, 80, colour=False)


def test_a_note_is_wrapped_below_itself() -> None:
    lines = note_line("many words " * 12, NOON, 60, colour=False).splitlines()
    assert lines[0].startswith("12:00:00 ! many")
    assert all(line.startswith(" " * 11) for line in lines[1:])
