"""What is known about one error, as immutable values: chain, frames, locals, request; no rendering.

Made once, when the error happens (`collect`), because source files and requests change; shown as a
page, text, Markdown or JSON, kept in a file, and read back from it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A name in a frame; `on_line`: whether it stands on the line that failed."""

    name: str
    text: str
    on_line: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of source, without its end."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of a traceback, or the place that a SyntaxError or a template error names.

    `kind` is "project", "template" or "library". `shown_file` is the path as a person calls it,
    `package` the library's name. `caret` are the first and the last column (counted in characters
    from 0, the last exclusive) of what failed in its line. `console` is the id under which the
    frame can be asked, empty when it cannot.
    """

    kind: str
    file: str
    shown_file: str
    line: int
    function: str
    package: str = ""
    source: tuple[Line, ...] = ()
    caret: tuple[int, int] | None = None
    variables: tuple[Variable, ...] = ()
    variables_left_out: int = 0
    console: str = ""

    @property
    def is_project(self) -> bool:
        return self.kind != "library"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One exception; `relation` says how it belongs to the one before it in the chain."""

    kind: str
    module: str
    message: str
    notes: tuple[str, ...] = ()
    relation: str = ""
    frames: tuple[Frame, ...] = ()
    frames_left_out: int = 0

    @property
    def place(self) -> Frame | None:
        """The frame to look at first: the last one of the project, else the last of all."""
        own = [frame for frame in self.frames if frame.is_project] or self.frames
        return own[-1] if own else None

    @property
    def first_line(self) -> str:
        message = self.message.split("\n", 1)[0]
        return ": ".join(part for part in (self.kind, message) if part)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A table of facts under a title: headers, form, session, configuration."""

    title: str
    rows: tuple[tuple[str, str], ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class RequestFacts:
    """The request in which the error happened; secrets are masked already."""

    method: str
    url: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    body_note: str = ""
    route: str = ""
    view: str = ""
    view_place: str = ""
    framework: str = ""
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """One error with everything around it. `number` is that of its kept page, 0 without one."""

    app_name: str
    when: str
    chain: tuple[Cause, ...]
    title: str = ""
    hints: tuple[str, ...] = ()
    hints_without_values: tuple[str, ...] = ()
    request: RequestFacts | None = None
    log_lines: tuple[str, ...] = ()
    log_lines_left_out: int = 0
    versions: tuple[tuple[str, str], ...] = ()
    process: int = 0
    number: int = 0
    details: tuple[tuple[str, str], ...] = ()

    @property
    def error(self) -> Cause:
        return self.chain[0]

    @property
    def place(self) -> Frame | None:
        """Where to look first: the last project frame of the error, or of what caused it."""
        places = [cause.place for cause in self.chain if cause.place is not None]
        own = [place for place in places if place.is_project] or places
        return own[0] if own else None


def without_values(report: Report) -> Report:
    """The report for somebody who must not see values: no locals, no console, no session."""
    chain = tuple(
        replace(
            cause,
            frames=tuple(
                replace(frame, variables=(), variables_left_out=0, console="")
                for frame in cause.frames
            ),
        )
        for cause in report.chain
    )
    request = report.request
    if request is not None:
        request = replace(request, panels=(), body="", headers=())
    return replace(
        report, chain=chain, request=request, log_lines=(), hints=report.hints_without_values
    )


def to_plain(report: Report) -> dict[str, object]:
    """The report as dictionaries, lists, texts and numbers."""
    return asdict(report)


def from_plain(plain: dict[str, Any]) -> Report:
    """The report that `to_plain` took apart, also after a way through JSON."""
    report = _build(Report, plain)
    assert isinstance(report, Report)
    return report


def _build(kind: Any, value: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        known = {entry.name for entry in fields(kind)}
        return kind(**{name: _build(hints[name], value[name]) for name in value if name in known})
    if get_origin(kind) is tuple:
        items = get_args(kind)
        if len(items) == 2 and items[1] is Ellipsis:
            return tuple(_build(items[0], item) for item in value)
        return tuple(_build(item, part) for item, part in zip(items, value, strict=True))
    if value is not None and type(None) in get_args(kind):
        return _build(next(one for one in get_args(kind) if one is not type(None)), value)
    return value
