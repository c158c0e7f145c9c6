"""trivet.cli.terminal: width, columns, and how an error looks."""

import io

import pytest

from trivet.cli import terminal
from trivet.errors import AppNotFound


@pytest.mark.parametrize(("columns", "width"), [("70", 70), ("500", 100), ("5", 40), ("x", 80)])
def test_the_width_is_what_columns_says_within_reason(columns: str, width: int) -> None:
    assert terminal.width(io.StringIO(), {"COLUMNS": columns}) == width


def test_without_a_terminal_the_width_is_80() -> None:
    assert terminal.width(io.StringIO(), {}) == 80


def test_text_is_painted_only_with_colour() -> None:
    assert terminal.paint("x", "error", colour=False) == "x"
    assert terminal.paint("x", "error", colour=True) == "\x1b[1;31mx\x1b[0m"


def test_a_flag_is_not_broken_at_its_hyphen() -> None:
    assert terminal.wrap("use --graceful-timeout", 16) == "use\n--graceful-timeout"


def test_an_explanation_begins_beside_a_short_term_and_below_a_long_one() -> None:
    rows = [("-a", "first"), ("--a-long-flag", "second\nthird")]
    assert terminal.two_columns(rows, 40, 8) == (
        "  -a    first\n  --a-long-flag\n        second\n        third"
    )


def test_columns_are_aligned() -> None:
    assert terminal.aligned([("a", "b"), ("long", "c")]) == ["a     b", "long  c"]


def test_an_error_is_what_details_and_hint() -> None:
    error = AppNotFound("no app", hint="name one", details="  looked at app.py\n")
    assert terminal.render_error(error, colour=False) == (
        "trivet: no app\n  looked at app.py\nhint: name one"
    )


def test_an_error_without_a_hint_is_one_line() -> None:
    assert terminal.render_error(AppNotFound("no app"), colour=False) == "trivet: no app"


def test_a_closed_stream_has_the_usual_width() -> None:
    stream = io.StringIO()
    stream.close()
    assert terminal.width(stream, {}) == 80
