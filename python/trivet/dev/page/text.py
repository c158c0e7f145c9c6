"""A report as plain text and as Markdown: for terminals, issue trackers and chats."""

from __future__ import annotations

from collections.abc import Iterator

from trivet.dev.report import Cause, Frame, Report

_LINES_AROUND = 3
MOST_VARIABLES = 12


def as_text(report: Report) -> str:
    """The report for a terminal."""
    return "\n".join(_text(report)) + "\n"


def _text(report: Report) -> Iterator[str]:
    yield report.error.first_line
    yield from report.error.message.split("\n")[1:]
    yield from (f"  note: {note}" for note in report.error.notes)
    yield ""
    yield from (f"hint: {hint}" for hint in report.hints)
    if report.hints:
        yield ""
    for cause in report.chain:
        if cause.relation:
            yield f"{cause.relation}: {cause.first_line}"
            yield ""
        yield from _frames_as_text(cause)
    for title, text in report.details:
        yield f"{title}:"
        yield from (f"  {line}" for line in text.splitlines())
        yield ""
    if report.request is not None:
        yield f"request: {report.request.method} {report.request.url}"
    if report.log_lines:
        yield "log:"
        yield from (f"  {line}" for line in report.log_lines)


def _frames_as_text(cause: Cause) -> Iterator[str]:
    for frame in _worth_showing(cause):
        name = f" in {frame.function}" if frame.function else ""
        yield f"{frame.shown_file}:{frame.line}{name}"
        yield from (f"  {line}" for line in _marked(frame, _LINES_AROUND))
        for variable in frame.variables[:MOST_VARIABLES]:
            if variable.on_line:
                yield f"    {variable.name} = {_one_line(variable.text)}"
        yield ""


def _worth_showing(cause: Cause) -> list[Frame]:
    """The project's frames, and the last one whosever it is."""
    return [frame for frame in cause.frames if frame.is_project or frame is cause.frames[-1]]


def _marked(frame: Frame, around: int) -> Iterator[str]:
    width = len(str(frame.line + around))
    for line in frame.source:
        if abs(line.number - frame.line) > around:
            continue
        mark = ">" if line.number == frame.line else " "
        yield f"{mark} {line.number:>{width}} | {line.text}"
        if line.number == frame.line and frame.caret is not None:
            start, end = frame.caret
            yield f"  {'':>{width}} | {' ' * start}{'^' * max(end - start, 1)}"


def _one_line(text: str, longest: int = 200) -> str:
    flat = text.replace("\n", "\\n")
    return f"{flat[:longest]}…" if len(flat) > longest else flat


def as_markdown(report: Report) -> str:
    """The report for an issue or a chat, with enough to understand it without the code."""
    return "\n".join(_markdown(report)).rstrip() + "\n"


def _markdown(report: Report) -> Iterator[str]:
    message = report.error.message.strip()
    yield (
        f"### {report.error.kind or 'Error'}: {_one_line(message)}"
        if message
        else f"### {report.error.kind}"
    )
    yield ""
    if "\n" in message:
        yield from _fenced(message)
    place = report.place
    if place is not None:
        yield f"In `{place.shown_file}`, line {place.line}" + (
            f", `{place.function}`" if place.function else ""
        )
    if report.request is not None:
        yield f"Request: `{report.request.method} {report.request.path}`" + (
            f" → `{report.request.view}`" if report.request.view else ""
        )
    yield ""
    for hint in report.hints:
        yield f"> {hint}"
        yield ""
    for cause in report.chain:
        if cause.relation:
            yield f"**{cause.relation}** `{_one_line(cause.first_line)}`"
            yield ""
        for frame in reversed(_worth_showing(cause)):
            yield f"`{frame.shown_file}:{frame.line}`" + (
                f" in `{frame.function}`" if frame.function else ""
            )
            yield ""
            yield from _fenced(
                "\n".join(_marked(frame, _LINES_AROUND)),
                "python" if frame.kind != "template" else "",
            )
            shown = [variable for variable in frame.variables if variable.on_line][:MOST_VARIABLES]
            if shown:
                yield from (
                    f"- `{variable.name}` = `{_one_line(variable.text).replace('`', chr(39))}`"
                    for variable in shown
                )
                yield ""
    for title, text in report.details:
        yield f"**{title}**"
        yield ""
        yield from _fenced(text)
    if report.log_lines:
        yield "Log of this request:"
        yield ""
        yield from _fenced("\n".join(report.log_lines[-30:]))
    yield " · ".join(f"{name} {number}" for name, number in report.versions)


def _fenced(text: str, language: str = "") -> Iterator[str]:
    """A code block whose fence is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    yield f"{fence}{language}"
    yield text
    yield fence
    yield ""
