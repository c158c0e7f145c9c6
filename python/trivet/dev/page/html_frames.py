"""The traceback as HTML: source, caret, names with values, a console for each frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby

from trivet.dev.page.highlight import highlight
from trivet.dev.report import Cause, Frame, Report

EditorLink = Callable[[Frame], str]

_RELATIONS = {
    "caused by": "Caused by",
    "raised while handling": "Raised while handling",
    "one of the group": "One of the group",
}


def chain(report: Report, editor_link: EditorLink) -> str:
    """All exceptions of the chain, the first opened at the place to look at."""
    return "".join(
        _cause(cause, number, report.place, editor_link)
        for number, cause in enumerate(report.chain)
    )


def _cause(cause: Cause, number: int, place: Frame | None, editor_link: EditorLink) -> str:
    frames = "".join(_runs(cause, number, place, editor_link))
    if not frames and not cause.relation:
        return ""
    head = ""
    if cause.relation:
        head = (
            f'<h2 class="cause"><span class="relation">{escape(_RELATIONS.get(cause.relation, cause.relation))}'
            f'</span> <code class="kind">{escape(cause.kind)}</code>'
            f' <span class="message">{escape(cause.message)}</span></h2>{notes(cause)}'
        )
    else:
        head = '<h2 class="label">Traceback <span class="soft">most recent call first</span></h2>'
    return f'<section class="trace" aria-label="Traceback">{head}{frames}</section>'


def notes(cause: Cause) -> str:
    return "".join(f'<p class="note">{escape(note)}</p>' for note in cause.notes)


def _runs(cause: Cause, number: int, place: Frame | None, editor_link: EditorLink) -> Iterator[str]:
    """Frames, the most recent first; those of libraries in a row folded into one line."""
    own_place = cause.place
    indexed = list(enumerate(cause.frames))[::-1]
    cut = len(cause.frames) // 2 if cause.frames_left_out else -1
    for library, group in groupby(
        indexed, lambda pair: not pair[1].is_project and pair[1] is not own_place
    ):
        row = list(group)
        shown = []
        for index, frame in row:
            is_open = frame is place or (
                place is not own_place and frame is own_place and number == 0
            )
            shown.append(_frame(frame, f"frame-{number}-{index}", is_open, editor_link))
            if index == cut:
                shown.append(f'<p class="soft">… {cause.frames_left_out} more frames</p>')
        if not library:
            yield "".join(shown)
            continue
        packages = ", ".join(dict.fromkeys(frame.package or "a library" for _, frame in row))
        count = f"{len(row)} frame{'s' if len(row) > 1 else ''}"
        yield (
            f'<details class="library"><summary><span class="count">{count}</span> in {escape(packages)}</summary>'
            f'<div class="inner">{"".join(shown)}</div></details>'
        )


def _frame(frame: Frame, name: str, is_open: bool, editor_link: EditorLink) -> str:
    function = (
        f'<span class="in">in</span> <code class="fn">{escape(frame.function)}</code>'
        if frame.function
        else ""
    )
    tag = '<span class="tag">template</span>' if frame.kind == "template" else ""
    folder, _, base = frame.shown_file.rpartition("/")
    shown = f"{escape(folder)}/<b>{escape(base)}</b>" if folder else f"<b>{escape(base)}</b>"
    link = editor_link(frame)
    edit = f'<a class="edit" href="{escape(link)}">Open in editor</a>' if link else ""
    return (
        f'<details class="frame {frame.kind}" id="{name}"{" open" if is_open else ""}>'
        f'<summary><span class="file" title="{escape(frame.file)}">{shown}<span class="line">:{frame.line}</span></span> {function}{tag}</summary>'
        f'<div class="body">{edit}{_source(frame)}{_variables(frame)}{_console(frame)}</div></details>'
    )


def _source(frame: Frame) -> str:
    if not frame.source:
        return '<p class="soft nosource">The source of this frame cannot be read.</p>'
    python = frame.kind != "template"
    lines = []
    for line in frame.source:
        here = line.number == frame.line
        text = highlight(line.text, frame.caret if here else None, python=python)
        mark = '<span class="unseen">failed here: </span>' if here else ""
        lines.append(
            f'<span class="l{" here" if here else ""}" data-n="{line.number}">{mark}{text}\n</span>'
        )
    return f'<pre class="source" tabindex="0" aria-label="Source of {escape(frame.shown_file)}"><code>{"".join(lines)}</code></pre>'


def _variables(frame: Frame) -> str:
    if not frame.variables:
        return ""
    rows = "".join(
        f'<tr{" class=used" if variable.on_line else ""}><th scope="row"><code>{escape(variable.name)}</code></th>'
        f"<td><code>{escape(variable.text)}</code></td></tr>"
        for variable in frame.variables
    )
    more = (
        f'<p class="soft">… {frame.variables_left_out} more</p>' if frame.variables_left_out else ""
    )
    return f'<table class="names" aria-label="Names and values"><tbody>{rows}</tbody></table>{more}'


def _console(frame: Frame) -> str:
    """Hidden until the script is there: without it nothing could be evaluated."""
    if not frame.console:
        return ""
    return (
        f'<form class="console" data-frame="{escape(frame.console)}" hidden>'
        '<div class="out" role="log" aria-live="polite"></div>'
        '<label><span class="prompt" aria-hidden="true">&gt;&gt;&gt;</span>'
        f'<span class="unseen">Python in {escape(frame.function or frame.shown_file)}</span>'
        '<textarea rows="1" spellcheck="false" autocapitalize="off" autocomplete="off"'
        ' placeholder="Python, with the names of this frame"></textarea></label></form>'
    )
