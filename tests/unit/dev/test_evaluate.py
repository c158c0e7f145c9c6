"""Evaluating in a frame: values, several lines, errors, limits, and nobody else's output."""

import sys
import threading
from types import FrameType

import pytest

from tests.unit.dev.pages import caught
from trivet.dev.evaluate import LONGEST_OUTPUT, Console

module_wide = "of the module"


def frame_with_names() -> FrameType:
    def inner(price: int, rows: list[int]) -> float:
        return price / 0

    error = caught(lambda: inner(5, [1, 2, 3]))
    traceback = error.__traceback__
    assert traceback is not None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame


@pytest.fixture
def console() -> Console:
    return Console(frame_with_names())


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("price", "5\n"),
        ("price\nprice + 1", "5\n6\n"),
        ("None", ""),
        ("price = 7; price", "7\n"),
        ("[price * row for row in rows]", "[5, 10, 15]\n"),
        ("(lambda: price)()", "5\n"),
        ("def double():\n    return 2 * price\n\ndouble()", "10\n"),
        ("class A:\n    p = price\n\nA.p", "5\n"),
        ("print('a'); print('b')", "a\nb\n"),
        ("import sys; print('e', file=sys.stderr)", "e\n"),
        ("module_wide", "'of the module'\n"),
        ("for row in rows:\n    print(row)", "1\n2\n3\n"),
        ("import math; math.floor(2.5)", "2\n"),
        ("# nothing", ""),
        ("", ""),
        ("'é 🦊'", "'é 🦊'\n"),
        ("5; _ + 1", "5\n6\n"),
    ],
)
def test_what_code_gives(console: Console, code: str, output: str) -> None:
    answer = console.run(code)
    assert (answer.output, answer.error) == (output, "")


def test_names_stay_from_one_evaluation_to_the_next(console: Console) -> None:
    console.run("found = price * 2")
    assert console.run("found").output == "10\n"


def test_nothing_reaches_the_module(console: Console) -> None:
    console.run("module_wide = 'changed'")
    assert module_wide == "of the module"


@pytest.mark.parametrize("code", ["if price:", "for row in rows:", "print(", "'''a", "def f():"])
def test_an_unfinished_text_asks_for_more(console: Console, code: str) -> None:
    assert console.run(code).incomplete


def test_an_error_shows_the_line_that_was_typed_and_no_frame_of_ours(console: Console) -> None:
    error = console.run("price / 0").error
    assert error.endswith("ZeroDivisionError: division by zero\n")
    assert "price / 0" in error
    assert "evaluate.py" not in error


@pytest.mark.parametrize("code", ["1 +* 2", "x = = 3", "  indented", "\x00", "return 5"])
def test_what_is_no_python_is_an_error(console: Console, code: str) -> None:
    answer = console.run(code)
    assert answer.error or answer.incomplete
    assert answer.output == ""


def test_exit_ends_nothing(console: Console) -> None:
    assert "SystemExit" in console.run("exit()").error
    assert console.run("price").output == "5\n"


def test_output_is_bounded_and_ends_an_endless_loop(console: Console) -> None:
    answer = console.run("while True: print('x' * 100)")
    assert len(answer.output) <= LONGEST_OUTPUT
    assert "stopped" in answer.error
    assert len(console.run("'x' * 10_000_000").output) < LONGEST_OUTPUT + 100


def test_the_streams_are_those_of_before_afterwards(console: Console) -> None:
    before = sys.stdout, sys.stderr
    console.run("print(1)")
    assert (sys.stdout, sys.stderr) == before


def test_another_threads_output_goes_where_it_went(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    class Wait:
        """Tells that the evaluation runs, and waits for the other thread."""

        began, go_on = threading.Event(), threading.Event()

        def __repr__(self) -> str:
            print("from the console")
            self.began.set()
            self.go_on.wait(20)
            return "waited"

    waiting = Wait()
    frame = Console(caught_in(waiting))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(frame.run("waiting")))
    thread.start()
    assert waiting.began.wait(20)
    print("from a request")
    waiting.go_on.set()
    thread.join(20)
    assert answers[0].output == "from the console\nwaited\n"
    assert capsys.readouterr().out == "from a request\n"


def caught_in(waiting: object) -> FrameType:
    def inner() -> None:
        raise ValueError(waiting)

    traceback = caught(inner).__traceback__
    assert traceback is not None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame
