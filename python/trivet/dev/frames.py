"""From a traceback to frames: source, columns, names with their values; the order is Python's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

from trivet.dev.masking import masked
from trivet.dev.report import Frame, Line, Variable
from trivet.dev.safe_repr import safe_repr
from trivet.dev.source import LINES_AROUND, columns, excerpt
from trivet.dev.template_frames import (
    NAMES_IN_EVERY_TEMPLATE,
    TemplatePlace,
    django_place,
    django_syntax_place,
    is_jinja,
)
from trivet.dev.whose import Owners, is_noise

FRAMES_AT_EACH_END = 25  # of a recursion; nobody reads a thousand frames, and each costs memory
MOST_VARIABLES = 40
MOST_VARIABLES_OF_A_LIBRARY = 15
_LONGEST_IN_A_LIBRARY = 200
_NAME = re.compile(r"[^\W\d]\w*")

LiveFrame = tuple[Frame, FrameType | None]


def frames_of(
    error: BaseException, owners: Owners, *, with_variables: bool
) -> tuple[list[LiveFrame], int]:
    """Return the frames of an exception, outermost first, each with Python's own frame if any.

    The second value is how many of them, in the middle, were left out.
    """
    points = [
        point for point in _points(error.__traceback__) if not is_noise(_file_of(point.tb_frame))
    ]
    left_out = max(len(points) - 2 * FRAMES_AT_EACH_END, 0)
    if left_out:
        points = points[:FRAMES_AT_EACH_END] + points[-FRAMES_AT_EACH_END:]
    found = [pair for point in points for pair in _of_point(point, owners, with_variables)]
    found += [(frame, None) for frame in _named_by(error, owners)]
    return found, left_out


def _points(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        # A convention of unittest, pytest and Werkzeug: the author wants this frame hidden.
        if not traceback.tb_frame.f_locals.get("__traceback_hide__"):
            yield traceback
        traceback = traceback.tb_next


def _file_of(frame: FrameType) -> str:
    return frame.f_code.co_filename


def _of_point(point: TracebackType, owners: Owners, with_variables: bool) -> Iterator[LiveFrame]:
    frame = point.tb_frame
    place = django_place(frame)
    yield _of_python(point, owners, with_variables), frame
    if place is not None:
        yield _of_template(place, owners, with_variables), None


def _of_python(point: TracebackType, owners: Owners, with_variables: bool) -> Frame:
    frame, line = point.tb_frame, point.tb_lineno
    file = _file_of(frame)
    template = is_jinja(frame)
    project = template or owners.is_project(file)
    source = excerpt(file, line, frame.f_globals, LINES_AROUND if project else 2)
    function = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
    described = Frame(
        kind="template" if template else "project" if project else "library",
        file=os.path.abspath(file) if os.path.exists(file) else file,
        shown_file=owners.shown(os.path.abspath(file) if os.path.exists(file) else file),
        line=line,
        function="" if template or function == "<module>" else function,
        package="" if project else owners.package(file),
        source=source,
        caret=None if template else columns(frame.f_code, point.tb_lasti, line, source),
    )
    if not with_variables:
        return described
    names = {
        name: value
        for name, value in frame.f_locals.items()
        if not (template and name in NAMES_IN_EVERY_TEMPLATE)
    }
    return _with_variables(described, names)


def _of_template(place: TemplatePlace, owners: Owners, with_variables: bool) -> Frame:
    frame = Frame(
        kind="template" if owners.is_project(place.file) else "library",
        file=place.file,
        shown_file=owners.shown(place.file),
        line=place.line,
        function="",
        package=owners.package(place.file),
        source=excerpt(place.file, place.line),
    )
    names = {
        name: value for name, value in place.names.items() if name not in NAMES_IN_EVERY_TEMPLATE
    }
    return _with_variables(frame, names) if with_variables else frame


def _named_by(error: BaseException, owners: Owners) -> Iterator[Frame]:
    """Yield the place that the exception itself names, which no frame was ever at."""
    template = django_syntax_place(error)
    if template is not None and type(error).__name__ == "TemplateSyntaxError":
        yield _of_template(template, owners, False)
    if not isinstance(error, SyntaxError) or not error.filename or not error.lineno:
        return
    source = excerpt(error.filename, error.lineno)
    if not source and error.text:
        source = (Line(number=error.lineno, text=error.text.rstrip("\r\n")),)
    start = max((error.offset or 1) - 1, 0)
    end_line, end = getattr(error, "end_lineno", None), getattr(error, "end_offset", None)
    end = end - 1 if end and end_line in (error.lineno, None) else start + 1
    yield Frame(
        kind="project" if owners.is_project(error.filename) else "library",
        file=error.filename,
        shown_file=owners.shown(error.filename),
        line=error.lineno,
        function="",
        package=owners.package(error.filename),
        source=source,
        caret=(start, max(end, start + 1)),
    )


def _with_variables(frame: Frame, names: Mapping[str, Any]) -> Frame:
    """Add the names, those on the failing line first, then as the frame has them."""
    text = next((line.text for line in frame.source if line.number == frame.line), "")
    on_line = set(_NAME.findall(text))
    wanted = [name for name, value in names.items() if _says_something(name, value, on_line)]
    wanted.sort(key=lambda name: name not in on_line)
    library = frame.kind == "library"
    most = MOST_VARIABLES_OF_A_LIBRARY if library else MOST_VARIABLES
    longest = _LONGEST_IN_A_LIBRARY if library else 1_000
    variables = tuple(
        Variable(
            name=name,
            text=masked(name, safe_repr(names[name], longest)),
            on_line=name in on_line,
        )
        for name in wanted[:most]
    )
    return replace(frame, variables=variables, variables_left_out=max(len(wanted) - most, 0))


def _says_something(name: str, value: object, on_line: set[str]) -> bool:
    """Leave out what a module has from its imports and definitions, unless the line uses it.

    Python itself calls the iterator of a comprehension `.0`.
    """
    if (name.startswith("__") and name.endswith("__")) or name.startswith("."):
        return False
    return name in on_line or not isinstance(value, ModuleType | FunctionType | type)
