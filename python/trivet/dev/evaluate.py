"""Run what is typed into a console in the names of a frame; no HTTP, no access rules here.

Output is captured for the thread that evaluates, and no other: sys.stdout is the process's, and
other requests go on meanwhile.
"""

from __future__ import annotations

import ast
import codeop
import itertools
import linecache
import sys
import threading
import traceback
import warnings
from contextvars import Context
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

LONGEST_OUTPUT = 64 * 1024  # characters of one evaluation
LONGEST_CODE = 64 * 1024

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What an evaluation gave. `incomplete`: nothing ran, the text wants another line."""

    output: str = ""
    error: str = ""
    incomplete: bool = False


class OutputTooLong(BaseException):
    """Ends an evaluation that prints without end; `except Exception` in it does not catch this."""


class Console:
    """The names of one frame, which stay as an evaluation leaves them."""

    def __init__(self, frame: FrameType, context: Context | None = None) -> None:
        self._names = _Names(frame)
        self._context = context
        self._lock = threading.Lock()

    def run(self, code: str) -> Answer:
        """Run code and return what it printed, with the values of its expressions."""
        if len(code) > LONGEST_CODE:
            return Answer(error=f"more than {LONGEST_CODE:,} characters\n")
        file = f"<console {next(_numbers)}>"
        try:
            with warnings.catch_warnings():
                # A SyntaxWarning belongs to what is compiled below, not to the try.
                warnings.simplefilter("ignore")
                if codeop.compile_command(code, file, "exec") is None and not _is_blank(code):
                    return Answer(incomplete=True)
                tree = ast.parse(code, file)
        except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as wrong:
            return Answer(error="".join(traceback.format_exception_only(type(wrong), wrong)))
        # So that a traceback shows the lines that were typed.
        linecache.cache[file] = (len(code), None, code.splitlines(True), file)
        try:
            with self._lock, _captured() as output:
                # A context can be entered by one thread at a time, hence the lock; and a copy, so
                # that one that is already entered elsewhere does not matter.
                context = self._context.copy() if self._context is not None else None
                error = (
                    self._each(tree, file, output)
                    if context is None
                    else context.run(self._each, tree, file, output)
                )
        finally:
            linecache.cache.pop(file, None)
        return Answer(output=output.text(), error=error)

    def _each(self, tree: ast.Module, file: str, output: _Output) -> str:
        try:
            for statement in tree.body:
                self._one(statement, file, output)
        except OutputTooLong:
            return f"stopped: more than {LONGEST_OUTPUT:,} characters of output\n"
        except BaseException as error:  # noqa: BLE001 - SystemExit too: exit() must not end the worker
            return _traceback_of(error)
        return ""

    def _one(self, statement: ast.stmt, file: str, output: _Output) -> None:
        if not isinstance(statement, ast.Expr):
            self._execute(compile(ast.Module([statement], []), file, "exec"))
            return
        value = eval(compile(ast.Expression(statement.value), file, "eval"), self._names)
        if value is not None:
            self._names["_"] = value
            output.write(f"{_bounded_repr(value)}\n")

    def _execute(self, code: CodeType) -> None:
        exec(code, self._names)


class _Names(dict[str, Any]):
    """A frame's names as one namespace: its locals, and behind them its globals as they are now.

    One and not two, because a comprehension or a lambda finds only globals (and the names of its
    function, which code that is compiled here has none of). What is assigned stays in the console:
    neither the module nor the frame is changed.
    """

    def __init__(self, frame: FrameType) -> None:
        super().__init__(frame.f_locals)
        self._globals = frame.f_globals
        self["__builtins__"] = frame.f_builtins
        self.setdefault("__name__", frame.f_globals.get("__name__", "__console__"))

    def __missing__(self, name: str) -> Any:
        return self._globals[name]


def _is_blank(code: str) -> bool:
    return not code.strip()


def _bounded_repr(value: object) -> str:
    text = repr(value)
    return (
        text
        if len(text) <= LONGEST_OUTPUT
        else f"{text[:LONGEST_OUTPUT]}… ({len(text):,} characters)"
    )


def _traceback_of(error: BaseException) -> str:
    """The traceback without the frames of this module."""
    points = error.__traceback__
    while points is not None and points.tb_frame.f_code.co_filename == __file__:
        points = points.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, points))
    except Exception:  # noqa: BLE001 - __str__ of users' classes may raise anything
        text = f"{type(error).__name__}\n"
    return text if len(text) <= LONGEST_OUTPUT else f"{text[:LONGEST_OUTPUT]}…\n"


class _Output:
    """Text written by one evaluation, up to a limit."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def write(self, text: str) -> int:
        room = LONGEST_OUTPUT - self._length
        self._pieces.append(text[:room])
        self._length += len(text)
        if len(text) > room:
            raise OutputTooLong
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def text(self) -> str:
        return "".join(self._pieces)


class _Divided:
    """Stands for sys.stdout or sys.stderr: threads that evaluate write into their output."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        output = getattr(_here, "output", None)
        written: int = (self.stream if output is None else output).write(text)
        return written

    def flush(self) -> None:
        if getattr(_here, "output", None) is None and self.stream is not None:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


_here = threading.local()
_streams_lock = threading.Lock()
_evaluations = 0


class _captured:  # noqa: N801 - used as `with _captured() as output`
    """Divide the streams while any thread evaluates, and put them back after the last."""

    def __enter__(self) -> _Output:
        global _evaluations
        with _streams_lock:
            _evaluations += 1
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if not isinstance(stream, _Divided):
                    setattr(sys, name, _Divided(stream))
        _here.output = _Output()
        output: _Output = _here.output
        return output

    def __exit__(self, *_: object) -> None:
        global _evaluations
        _here.output = None
        with _streams_lock:
            _evaluations -= 1
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                # Whoever has put another stream there meanwhile keeps it.
                if not _evaluations and isinstance(stream, _Divided):
                    setattr(sys, name, stream.stream)
