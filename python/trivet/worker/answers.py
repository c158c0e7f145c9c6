"""What a worker says when its supervisor asks: counters and stacks; sending it is main.py's.

Runs on the worker's main thread, beside the threads that it describes.
"""

from __future__ import annotations

import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Mapping
    from types import FrameType
    from typing import Protocol

    from trivet.engine.serve import RunningRequest

    class AskedEngine(Protocol):
        """What is needed of trivet.engine.serve.Engine."""

        def stats(self) -> Mapping[str, int]: ...
        def running(self) -> list[RunningRequest]: ...


#: Deeper stacks lose their middle, or one recursion would be the whole answer.
MOST_FRAMES = 60


def answer(about: str, engine: AskedEngine) -> object:
    """The answer to one question; None when it is not known what it is about."""
    describe = ABOUT.get(about)
    return None if describe is None else describe(engine)


def counters(engine: AskedEngine) -> Mapping[str, int]:
    """The counters of the engine, since this worker's start."""
    return engine.stats()


def stacks(engine: AskedEngine) -> list[dict[str, object]]:
    """The Python frames of every thread but this one, the innermost last."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    requests = {request.thread: request for request in engine.running()}
    own = threading.get_ident()
    return [
        {
            # A thread that Python's threading did not start, such as one of a C library.
            "name": names.get(ident, f"thread {ident}"),
            "request": described(requests.get(ident)),
            "frames": frames_of(frame),
        }
        for ident, frame in sorted(sys._current_frames().items())
        if ident != own
    ]


def described(request: RunningRequest | None) -> dict[str, object] | None:
    """The request of a thread that has one and is not speaking to its client at this moment."""
    if request is None:
        return None
    return {
        "method": request.method,
        "target": request.target,
        "seconds": request.seconds,
        "request_id": request.request_id,
        "timed_out": request.why == "timed-out",
    }


def frames_of(innermost: FrameType) -> list[dict[str, object]]:
    """A stack as file, line, function and source text, the outermost first."""
    import linecache

    frames = []
    frame: FrameType | None = innermost
    while frame is not None:
        code, line = frame.f_code, frame.f_lineno
        text = linecache.getline(code.co_filename, line or 0, frame.f_globals).strip()
        frames.append(
            {"file": code.co_filename, "line": line, "function": code.co_name, "text": text}
        )
        frame = frame.f_back
    frames.reverse()
    if len(frames) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        left_out = len(frames) - 2 * half
        gap = {"file": "", "line": 0, "function": "", "text": f"… {left_out} frames …"}
        frames[half:-half] = [gap]
    return frames


#: What may be asked.
ABOUT: Mapping[str, Callable[[AskedEngine], object]] = {"counters": counters, "stacks": stacks}
