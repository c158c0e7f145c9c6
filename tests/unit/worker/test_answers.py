"""What a worker answers its supervisor: counters, and the stacks of its threads."""

import sys
import threading
from types import SimpleNamespace
from typing import Any

from trivet.worker.answers import MOST_FRAMES, answer, frames_of

ENGINE: Any = SimpleNamespace(stats=lambda: {"requests": 3}, running=list)


def test_counters_are_the_engines() -> None:
    assert answer("counters", ENGINE) == {"requests": 3}


def test_an_unknown_question_has_no_answer() -> None:
    assert answer("weather", ENGINE) is None


def test_a_stack_names_the_thread_and_the_line_where_it_is() -> None:
    begun, end = threading.Event(), threading.Event()

    def wait_here() -> None:
        begun.set()
        end.wait()

    thread = threading.Thread(target=wait_here, name="trivet-7")
    thread.start()
    begun.wait()
    try:
        found: Any = answer("stacks", ENGINE)
    finally:
        end.set()
        thread.join()
    (stack,) = [stack for stack in found if stack["name"] == "trivet-7"]
    (frame,) = [frame for frame in stack["frames"] if frame["function"] == "wait_here"]
    assert frame["file"] == __file__
    assert frame["text"] in ("begun.set()", "end.wait()")


def test_the_thread_that_answers_is_left_out() -> None:
    found: Any = answer("stacks", ENGINE)
    assert threading.current_thread().name not in [stack["name"] for stack in found]


def test_a_deep_recursion_loses_its_middle() -> None:
    def descend(depth: int) -> list[dict[str, object]]:
        return descend(depth - 1) if depth else frames_of(sys._getframe())

    frames = descend(200)
    assert len(frames) == MOST_FRAMES + 1
    assert str(frames[MOST_FRAMES // 2]["text"]).endswith("frames …")
    assert frames[-1]["function"] == "descend"
