"""Make the report of an exception: chain, frames, hints, versions. Renders and keeps nothing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from types import FrameType

from trivet import __version__
from trivet.dev.frames import frames_of
from trivet.dev.hints import hints_for
from trivet.dev.masking import mask_inside
from trivet.dev.report import Cause, Report, RequestFacts
from trivet.dev.session import DevSession
from trivet.dev.whose import Owners
from trivet.errors import TrivetError

CAUSES_AT_MOST = 8
LONGEST_MESSAGE = 10_000  # characters; a database error quotes its whole statement

#: Distributions whose version is shown when they are imported: module → distribution.
VERSIONS_SHOWN = {
    "flask": "Flask",
    "django": "Django",
    "bottle": "bottle",
    "falcon": "falcon",
    "pyramid": "pyramid",
    "werkzeug": "Werkzeug",
    "jinja2": "Jinja2",
    "sqlalchemy": "SQLAlchemy",
}

GROUP_RELATION = "one of the group"


def collect(
    error: BaseException,
    session: DevSession,
    *,
    request: RequestFacts | None = None,
    log_lines: tuple[str, ...] = (),
    log_lines_left_out: int = 0,
    title: str = "",
    with_variables: bool | None = None,
) -> tuple[Report, list[list[FrameType | None]]]:
    """Return the report, and Python's own frames for each exception of its chain, for the console.

    The frames stay outside of the report: they keep everything alive that they can reach.
    """
    owners = Owners(session.project_roots)
    shown = session.locals_shown if with_variables is None else with_variables
    chain: list[Cause] = []
    live: list[list[FrameType | None]] = []
    for each, relation in list(chain_of(error))[:CAUSES_AT_MOST]:
        frames, left_out = frames_of(each, owners, with_variables=shown)
        chain.append(
            Cause(
                kind=type(each).__qualname__,
                module=type(each).__module__,
                message=message_of(each),
                notes=tuple(str(note) for note in getattr(each, "__notes__", ()) or ()),
                relation=relation,
                frames=tuple(frame for frame, _ in frames),
                frames_left_out=left_out,
            )
        )
        live.append([frame for _, frame in frames])
    report = Report(
        app_name=session.app_name,
        when=datetime.now().astimezone().isoformat(timespec="seconds"),
        title=title,
        chain=tuple(chain),
        hints=tuple(_hints(error, session, shown)),
        hints_without_values=tuple(_hints(error, session, False)),
        details=_details(error),
        request=request,
        log_lines=log_lines,
        log_lines_left_out=log_lines_left_out,
        versions=tuple(versions()),
        process=os.getpid(),
    )
    return report, live


def _hints(error: BaseException, session: DevSession, with_values: bool) -> Iterator[str]:
    if isinstance(error, TrivetError) and error.hint:
        yield error.hint
    roots = tuple(str(root) for root in session.project_roots)
    yield from hints_for(error, roots, with_values=with_values)


def _details(error: BaseException) -> tuple[tuple[str, str], ...]:
    """Trivet's own errors have lines that say more: the places where an app was looked for."""
    if isinstance(error, TrivetError) and error.details:
        return (("What is known", error.details),)
    return ()


def with_console(report: Report, ids: list[list[str]]) -> Report:
    """Return the report with the ids under which its frames can be asked."""
    return replace(
        report,
        chain=tuple(
            replace(
                cause,
                frames=tuple(
                    replace(frame, console=name)
                    for frame, name in zip(cause.frames, names, strict=True)
                ),
            )
            for cause, names in zip(report.chain, ids, strict=True)
        ),
    )


def chain_of(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yield the exception, then what it came from, each with its relation to the one before."""
    waiting: list[tuple[BaseException, str]] = [(error, "")]
    seen: set[int] = set()
    while waiting:
        current, relation = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current, relation
        members = getattr(current, "exceptions", None)
        if isinstance(members, tuple):  # an ExceptionGroup, or its backport
            waiting += [
                (each, GROUP_RELATION) for each in members if isinstance(each, BaseException)
            ]
        if current.__cause__ is not None:
            waiting.insert(0, (current.__cause__, "caused by"))
        elif current.__context__ is not None and not current.__suppress_context__:
            waiting.insert(0, (current.__context__, "raised while handling"))


def message_of(error: BaseException) -> str:
    """Return str(error), masked and cut; a KeyError's key as it is written."""
    try:
        message = str(error)
    except Exception as problem:  # noqa: BLE001 - __str__ of users' classes may raise anything
        message = f"(its __str__ raised {type(problem).__name__})"
    if isinstance(error, SyntaxError):
        message = error.msg or message
    cut = f"{message[:LONGEST_MESSAGE]}…" if len(message) > LONGEST_MESSAGE else message
    return mask_inside(cut)


def versions() -> Iterator[tuple[str, str]]:
    """Yield name and version of what takes part."""
    yield "Python", platform.python_version()
    yield "Trivet", __version__
    for module, distribution in VERSIONS_SHOWN.items():
        if module in sys.modules:
            try:
                yield distribution, version(distribution)
            except PackageNotFoundError:
                continue
