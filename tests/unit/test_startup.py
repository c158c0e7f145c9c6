"""The steps of a start and how they are printed."""

import json
import re

import pytest

from trivet.errors import AppNotFound
from trivet.startup import Startup, first_line, in_words


def test_a_step_that_ends_well_is_done_and_has_a_duration() -> None:
    startup = Startup()
    with startup.step("settings"):
        pass
    [step] = startup.steps
    assert (step.name, step.state, step.problem) == ("settings", "done", "")
    assert step.seconds >= 0


def test_a_step_that_raises_is_failed_and_lets_the_exception_through() -> None:
    startup = Startup()
    with pytest.raises(ModuleNotFoundError), startup.step("import shop"):
        raise ModuleNotFoundError("No module named 'psycopg'")
    assert startup.failed is startup.steps[0]
    assert startup.steps[0].problem == "No module named 'psycopg'"


def test_a_step_that_calls_sys_exit_is_failed() -> None:
    startup = Startup()
    with pytest.raises(SystemExit), startup.step("import shop"):
        raise SystemExit(3)
    assert startup.steps[0].problem == "SystemExit: 3"


def test_a_step_is_running_until_it_ends() -> None:
    startup = Startup()
    with startup.step("import shop") as step:
        assert step.render(colour=False).startswith("… import shop (")


def test_steps_are_printed_one_a_line_with_mark_and_duration() -> None:
    startup = Startup()
    with startup.step("settings"):
        pass
    with pytest.raises(KeyError), startup.step("import shop"):
        raise KeyError("DATABASE_URL")
    first, second = startup.render(colour=False).splitlines()
    assert re.fullmatch(r"✓ settings \(\d+ ms\)", first)
    assert re.fullmatch(r"✗ import shop \(\d+ ms\): KeyError: 'DATABASE_URL'", second)


def test_colour_surrounds_the_mark_alone() -> None:
    startup = Startup()
    with startup.step("settings"):
        pass
    assert startup.render(colour=True).startswith("\x1b[32m✓\x1b[0m settings (")


def test_a_start_survives_the_way_to_another_process() -> None:
    startup = Startup()
    with pytest.raises(ValueError, match="no"), startup.step("import shop"):
        raise ValueError("no")
    copy = Startup.from_dict(json.loads(json.dumps(startup.to_dict())))
    assert copy.render(colour=False) == startup.render(colour=False)


def test_the_steps_of_a_worker_come_behind_those_of_the_supervisor() -> None:
    supervisor, worker = Startup(), Startup()
    with supervisor.step("settings"):
        pass
    with worker.step("import shop"):
        pass
    supervisor.extend(worker)
    assert [step.name for step in supervisor.steps] == ["settings", "import shop"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0 ms"), (0.0031, "3 ms"), (0.412, "412 ms"), (1.0, "1.0 s"), (12.34, "12.3 s")],
)
def test_a_duration_is_in_milliseconds_below_a_second(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImportError("cannot import name 'x'"), "cannot import name 'x'"),
        (AppNotFound("no application"), "no application"),
        (KeyError("A"), "KeyError: 'A'"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError"),
        (ImportError(), "ImportError"),
    ],
)
def test_a_problem_is_one_line_with_the_type_where_it_says_more(
    error: Exception, line: str
) -> None:
    assert first_line(error) == line
