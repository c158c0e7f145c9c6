"""What a worker that is stuck was doing: its requests and faulthandler's stacks; nothing is done.

Who holds the interpreter is not to be known for certain. So every request that has begun is named:
those whose threads compute first, then those that run for longest.

The stacks have a line `Thread 0x… (most recent call first):` for each thread, with the innermost
frame first below it, `  File "…", line 7 in name`, and an empty line between two threads.
"""

from __future__ import annotations

import threading

from trivet.app.whose_code import is_of_project, is_of_trivet

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

#: Where no line is known, as after a file that was too long.
NOWHERE = "an unknown place"


class Frame:
    """One line of a stack."""

    __slots__ = ("file", "text")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text


class Suspect:
    """A request that may hold the interpreter, and what is known of its thread."""

    __slots__ = ("computes", "frames", "method", "request_id", "seconds", "target", "thread")

    def __init__(self, about: Mapping[str, object], stacks: Mapping[str, str]) -> None:
        self.method = str(about.get("method"))
        self.target = str(about.get("target"))
        self.request_id = str(about.get("request_id"))
        seconds = about.get("seconds")
        self.seconds = seconds if isinstance(seconds, float) else 0.0
        self.computes = about.get("computes") is True
        self.thread = str(about.get("thread"))
        self.frames = _frames_in(stacks.get(self.thread, ""))

    @property
    def has_begun(self) -> bool:
        """Whether its thread is in the app; where no stack is known it may be."""
        own = [f for f in self.frames if not is_of_trivet(f.file) and f.file != threading.__file__]
        return bool(own or not self.frames)

    @property
    def place(self) -> str:
        """The innermost line of the project, or else of any, as `file:line in name`."""
        for frame in self.frames:
            if is_of_project(frame.file):
                return frame.text
        return self.frames[0].text if self.frames else NOWHERE

    def __str__(self) -> str:
        from trivet.observe.log import three_digits

        does = ", computing," if self.computes else ""
        return (
            f"{self.method} {self.target} for {three_digits(self.seconds)} s{does} at {self.place}"
        )


def described(data: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """The requests in words, and more fields of `worker-stuck`, from a message of kind `stuck`.

    Those of a single request are there when only one can be meant.
    """
    stacks = _by_thread(str(data.get("stacks") or ""))
    told = data.get("requests")
    suspects = [Suspect(it, stacks) for it in told] if isinstance(told, list) else []
    begun = [suspect for suspect in suspects if suspect.has_begun] or suspects
    fields: dict[str, object] = {}
    computing = [suspect for suspect in begun if suspect.computes]
    culprits = computing or begun
    if len(culprits) == 1:
        (culprit,) = culprits
        for name in ("method", "target", "seconds", "place", "request_id"):
            fields[name] = getattr(culprit, name)
    first = [suspect.thread for suspect in begun if suspect.thread in stacks]
    fields["detail"] = "\n\n".join(stacks[thread] for thread in dict.fromkeys([*first, *stacks]))
    return "; ".join(map(str, begun)) or "nothing is known", fields


def _by_thread(stacks: str) -> dict[str, str]:
    """Each thread's stack with its heading, by the thread's name."""
    parts = [part.strip("\n") for part in stacks.split("\n\n") if part.strip()]
    return {part.partition("Thread ")[2].partition(" ")[0]: part for part in parts}


def _frames_in(stack: str) -> list[Frame]:
    """Innermost first."""
    frames = []
    for line in stack.splitlines():
        file, found, rest = line.strip().removeprefix('File "').partition('", line ')
        if found:
            number, _, name = rest.partition(" in ")
            frames.append(Frame(file, f"{file}:{number} in {name}"))
    return frames
