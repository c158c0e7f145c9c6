"""The steps of a start, how each of them went and how to print that; running them is for others.

A worker fills one while it loads the app and sends it to the supervisor as plain data, so that a
start that failed can be shown by a process that took no part in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from trivet.errors import escape_controls

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from typing import Literal, TypedDict

    State = Literal["running", "done", "failed"]

    class StepData(TypedDict):
        """One step as JSON has it."""

        name: str
        state: State
        seconds: float
        problem: str

    class StartupData(TypedDict):
        """A whole `Startup` as JSON has it."""

        steps: list[StepData]


MARKS: dict[State, str] = {"running": "…", "done": "✓", "failed": "✗"}
COLOURS: dict[State, str] = {"running": "\x1b[33m", "done": "\x1b[32m", "failed": "\x1b[31m"}
COLOUR_OFF = "\x1b[0m"


class Step:
    """One step: its name, how it stands, how long it took, and what went wrong if it failed."""

    __slots__ = ("name", "problem", "seconds", "state")

    def __init__(
        self, name: str, state: State = "running", seconds: float = 0.0, problem: str = ""
    ) -> None:
        self.name = name
        self.state = state
        self.seconds = seconds
        self.problem = problem

    def render(self, colour: bool) -> str:
        """Return the step as one line, such as `✗ import shop.wsgi (412 ms): no psycopg`."""
        mark = MARKS[self.state]
        if colour:
            mark = f"{COLOURS[self.state]}{mark}{COLOUR_OFF}"
        problem = f": {self.problem}" if self.problem else ""
        return f"{mark} {self.name} ({in_words(self.seconds)}){problem}"


class Startup:
    """The steps of one start, in the order in which they began. Used by one thread."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time what happens inside `with` and record how it ended; exceptions go on their way."""
        step = Step(name)
        self.steps.append(step)
        began = monotonic()
        try:
            yield step
        except BaseException as error:
            step.state = "failed"
            step.problem = step.problem or first_line(error)
            raise
        else:
            step.state = "done"
        finally:
            step.seconds = monotonic() - began

    @property
    def failed(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.state == "failed"), None)

    def render(self, colour: bool) -> str:
        """Return one line for each step, without a line break at the end."""
        return "\n".join(step.render(colour) for step in self.steps)

    def extend(self, other: Startup) -> None:
        """Add the steps of another process's start behind the own ones."""
        self.steps.extend(other.steps)

    def to_dict(self) -> StartupData:
        """Return plain data for JSON."""
        return {
            "steps": [
                {
                    "name": step.name,
                    "state": step.state,
                    "seconds": step.seconds,
                    "problem": step.problem,
                }
                for step in self.steps
            ]
        }

    @classmethod
    def from_dict(cls, data: StartupData) -> Startup:
        """Make a `Startup` again from what `to_dict` gave."""
        startup = cls()
        startup.steps = [Step(**step) for step in data["steps"]]
        return startup


def in_words(seconds: float) -> str:
    """Return a duration as a person reads it: `3 ms`, `1.4 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def first_line(error: BaseException) -> str:
    """Return what went wrong in one line.

    `ImportError` and Trivet's own errors say enough by themselves; of another exception the type
    is half of the message (`KeyError: 'DATABASE_URL'`).
    """
    text = str(error).strip()
    line = escape_controls(text.splitlines()[0]) if text else ""
    if line and (isinstance(error, ImportError) or hasattr(error, "what")):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
