"""What a process does about slow and late requests: stacks to the log, exceptions, a successor.

Runs in the main thread of a process that serves. The engine has answered the client already; when
something holds the interpreter, none of this can run, and the engine raises the alarm that is
prepared here.
"""

from __future__ import annotations

import os
import sys

from trivet.worker.messages import STUCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable
    from types import FrameType

    from trivet.engine.serve import Engine, RunningRequest
    from trivet.observe.log import Log
    from trivet.settings.table import Settings

#: Of a deeper stack, only so many of the innermost frames are shown.
MOST_FRAMES = 40


class LateRequests:
    """Looks after the late requests of one engine.

    `retire(reason)` asks for a successor of this process; None where there is nobody to ask.
    `fields` are added to each event, such as the number of the worker.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        log: Log,
        retire: Callable[[str], None] | None = None,
        **fields: object,
    ) -> None:
        self._engine = engine
        self._timeout = settings.timeout
        self._log = log
        self._retire = retire
        self._fields = {"pid": os.getpid(), **fields}
        engine.on_late = self.look_after

    def look_after(self, requests: list[RunningRequest]) -> None:
        frames = sys._current_frames()
        for request in requests:
            frame = frames.get(request.thread)
            if request.why == "slow":
                self._tell("slow-request", request, frame)
            elif request.why == "lost":
                self._thread_is_lost(request, frame)
            else:
                self._tell(
                    "request-timed-out",
                    request,
                    frame,
                    answer="504" if request.why == "timed-out" else "a cut connection",
                )
                self._engine.interrupt(request)

    def _tell(
        self, event: str, request: RunningRequest, frame: FrameType | None, **more: object
    ) -> None:
        self._log.emit(
            event,
            method=request.method,
            target=request.target,
            seconds=request.seconds,
            place=place_of(frame),
            request_id=request.request_id,
            detail=stack_of(frame),
            **more,
            **self._fields,
        )

    def _thread_is_lost(self, request: RunningRequest, frame: FrameType | None) -> None:
        self._log.emit(
            "thread-lost",
            method=request.method,
            target=request.target,
            seconds=request.seconds,
            place=place_of(frame),
            request_id=request.request_id,
            **self._fields,
        )
        if self._retire is not None:
            self._retire(f"a thread is stuck at {place_of(frame)}")


def place_of(frame: FrameType | None) -> str:
    """Where a thread is: its innermost frame in the project's code, or else in any."""
    from trivet.app.whose_code import is_of_project

    innermost = frame
    while frame is not None:
        file = frame.f_code.co_filename
        if is_of_project(file):
            break
        frame = frame.f_back
    shown = frame or innermost
    if shown is None:
        return "its end"
    return f"{shown.f_code.co_filename}:{shown.f_lineno} in {shown.f_code.co_name}"


def stack_of(frame: FrameType | None) -> str:
    """A thread's stack in Python's own notation, without the frames that have called the app."""
    from traceback import StackSummary, format_list, walk_stack

    from trivet.app.whose_code import is_of_trivet

    if frame is None:
        return ""
    entries = StackSummary.extract(walk_stack(frame), limit=MOST_FRAMES)
    entries.reverse()
    threading_file = sys.modules["threading"].__file__
    while len(entries) > 1 and (
        entries[0].filename == threading_file or is_of_trivet(entries[0].filename)
    ):
        del entries[0]
    return "".join(format_list(entries))


def prepare_alarm(engine: Engine, settings: Settings, link: int = -1) -> None:
    """Let the engine write stacks, and tell the supervisor, when nobody can look after a request.

    The stacks are written by faulthandler in the handler of a signal, which needs neither the
    interpreter's lock nor a thread of ours: the engine's own thread raises it. Without a `link`
    they go to standard error.
    """
    import faulthandler
    import signal

    # Not SIGUSR1 or SIGUSR2, which applications use, and not the last one, which is valgrind's own.
    number = (
        signal.SIGRTMAX - 1 if hasattr(signal, "SIGRTMAX") else getattr(signal, "SIGINFO", None)
    )
    if not settings.timeout or number is None:
        return
    if link < 0:
        try:
            faulthandler.register(number, all_threads=True)
        except (RuntimeError, ValueError, OSError):
            return  # standard error is closed, or is no file
        engine.set_alarm(number, -1, -1, STUCK)
        return
    stacks = _file_in_memory()
    faulthandler.register(number, file=stacks, all_threads=True)
    engine.set_alarm(number, stacks, link, STUCK)


def _file_in_memory() -> int:
    """A file for the stacks, open as long as the process: the handler may write at any time."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("trivet-stacks")
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix="trivet-stacks-")
    os.unlink(path)
    return descriptor
