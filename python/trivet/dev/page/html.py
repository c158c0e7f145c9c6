"""A report as one HTML page: no external assets, readable without JavaScript, a strict CSP."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from trivet.dev.editor import Editor, PathMap, editor_url
from trivet.dev.page import html_frames
from trivet.dev.page.snippets import as_curl, as_pytest
from trivet.dev.page.text import as_markdown
from trivet.dev.report import Frame, Panel, Report, RequestFacts

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """What the page depends on besides the report. `base` is SCRIPT_NAME, in front of our paths."""

    nonce: str
    base: str = ""
    editor: Editor | None = None
    path_map: PathMap = ()
    console_off_reason: str = ""
    values_hidden_reason: str = ""
    kept: bool = False


def policy(nonce: str) -> str:
    """The page's Content-Security-Policy: nothing but what it carries, and requests to us."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}';"
        " connect-src 'self'; worker-src 'self'; img-src data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )


def as_html(report: Report, options: PageOptions) -> str:
    """Return the page."""
    nonce, base = options.nonce, escape(options.base)
    title = report.error.first_line
    return f"""<!doctype html>
<html lang="en" data-base="{base}" data-error="{report.number}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{escape(_cut(title, 120))}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23d92d20'/%3E%3C/svg%3E">
<style nonce="{nonce}">{(_FOLDER / "style.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<a class="skip" href="#trace">To the traceback</a>
{_header(report, options)}
<main>
<div class="primary" id="trace">
{_hints(report)}
{html_frames.chain(report, lambda frame: _link(frame, options))}
{_details(report)}
</div>
<aside>
{_request(report)}
{_log(report)}
{_about(report, options)}
</aside>
</main>
{_footer()}
<script nonce="{nonce}">{(_FOLDER / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _link(frame: Frame, options: PageOptions) -> str:
    if options.editor is None:
        return ""
    column = frame.caret[0] + 1 if frame.caret else 1
    return editor_url(options.editor, frame.file, frame.line, column, options.path_map)


def _cut(text: str, longest: int) -> str:
    return f"{text[: longest - 1]}…" if len(text) > longest else text


def _header(report: Report, options: PageOptions) -> str:
    request, place, error = report.request, report.place, report.error
    asked = (
        f'<code class="asked"><b>{escape(request.method)}</b> {escape(request.path)}</code>'
        if request
        else ""
    )
    title = f'<span class="title">{escape(report.title)}</span>' if report.title else ""
    kind = (
        f'<span class="kind" title="{escape(error.module)}.{escape(error.kind)}">{escape(error.kind)}</span>'
        if error.kind
        else ""
    )
    message = escape(error.message) or '<span class="soft">without a message</span>'
    where = ""
    if place is not None:
        function = f" in <code>{escape(place.function)}</code>" if place.function else ""
        where = (
            f'<p class="where"><code>{escape(place.shown_file)}:{place.line}</code>{function}</p>'
        )
    size = " long" if len(error.message) > 160 or "\n" in error.message else ""
    return (
        f'<header><div class="wide"><p class="top">{asked}{title}<span class="when">{escape(_clock(report))}</span></p>'
        f'<h1><span class="unseen">Error: </span>{kind}<span class="message{size}">{message}</span></h1>'
        f"{html_frames.notes(error)}{where}{_toolbar(report, options)}</div></header>"
    )


def _clock(report: Report) -> str:
    return report.when[11:19]


def _toolbar(report: Report, options: PageOptions) -> str:
    """Links work by themselves; the buttons to copy appear with the script."""
    base = escape(options.base)
    items = []
    place = report.place
    link = _link(place, options) if place is not None else ""
    if link and options.editor is not None:
        items.append(
            f'<a class="button main" id="open-editor" href="{escape(link)}">Open in {escape(options.editor.name)}</a>'
        )
    request = report.request
    if request is None or request.method in ("GET", "HEAD"):
        again = escape(request.path) if options.kept and request else ""
        items.append(f'<a class="button" id="again" href="{again}">Try again</a>')
    copies = [("Markdown", "markdown", as_markdown(report))]
    if request is not None:
        copies += [
            ("curl", "curl", as_curl(request)),
            ("pytest test", "pytest", as_pytest(report, request)),
        ]
    for name, key, _ in copies:
        items.append(
            f'<button class="button" type="button" data-copy="copy-{key}" hidden>Copy as {name}</button>'
        )
    if report.number and not options.kept:
        items.append(
            f'<a class="button quiet" href="{base}/-/trivet/errors/{report.number}" title="A link that keeps: the last 20 errors of this start">Link to this error</a>'
        )
    texts = "".join(
        f'<section><h3>{name}</h3><pre id="copy-{key}" tabindex="0">{escape(text)}</pre></section>'
        for name, key, text in copies
    )
    return (
        f'<div class="toolbar" role="toolbar" aria-label="Actions">{"".join(items)}<span class="said" role="status"></span></div>'
        f'<details class="copies"><summary>As text</summary>{texts}</details>'
    )


def _hints(report: Report) -> str:
    if not report.hints:
        return ""
    inner = "".join(f"<p>{_with_code(hint)}</p>" for hint in report.hints)
    return f'<section class="hint" aria-label="Hint"><h2>Hint</h2>{inner}</section>'


def _with_code(text: str) -> str:
    """Escape, and set what stands between backticks as code."""
    pieces = escape(text, quote=False).split("`")
    return "".join(
        f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces)
    )


def _details(report: Report) -> str:
    return "".join(
        f'<section class="detail"><h2 class="label">{escape(title)}</h2><pre tabindex="0">{escape(text)}</pre></section>'
        for title, text in report.details
        if text
    )


def _request(report: Report) -> str:
    request = report.request
    if request is None:
        return ""
    view = ""
    if request.route or request.view:
        view = _table((("Route", request.route), ("View", request.view)))
    body = ""
    if request.body or request.body_note:
        text = f'<pre tabindex="0">{escape(request.body)}</pre>' if request.body else ""
        note = f'<p class="soft">{escape(request.body_note)}</p>' if request.body_note else ""
        body = _fold("Body", text + note)
    headers = _panel(Panel(title="Headers", rows=request.headers)) if request.headers else ""
    panels = "".join(_panel(panel, is_open=len(panel.rows) <= 6) for panel in request.panels)
    return f'<section><h2 class="label">Request</h2>{_url(request)}{view}{panels}{body}{headers}</section>'


def _url(request: RequestFacts) -> str:
    return f'<p class="url"><b>{escape(request.method)}</b> {escape(request.url)}</p>'


def _panel(panel: Panel, is_open: bool = False) -> str:
    note = f'<p class="soft">{escape(panel.note)}</p>' if panel.note else ""
    return _fold(
        f"{panel.title} <span>{len(panel.rows)}</span>", _table(panel.rows) + note, is_open
    )


def _fold(title: str, inside: str, is_open: bool = False) -> str:
    return f'<details class="panel"{" open" if is_open else ""}><summary>{title}</summary>{inside}</details>'


def _table(rows: tuple[tuple[str, str], ...]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in rows
        if text
    )
    return f'<table class="facts"><tbody>{cells}</tbody></table>'


def _log(report: Report) -> str:
    if report.request is None and not report.log_lines:
        return ""
    if not report.log_lines:
        return (
            '<section><h2 class="label">Log</h2><p class="soft">Nothing was logged.</p></section>'
        )
    cut = (
        f'<p class="soft">… {report.log_lines_left_out} lines before</p>'
        if report.log_lines_left_out
        else ""
    )
    text = "\n".join(escape(line) for line in report.log_lines)
    return f'<section class="log"><h2 class="label">Log <span class="soft">of this request</span></h2>{cut}<pre tabindex="0">{text}</pre></section>'


def _about(report: Report, options: PageOptions) -> str:
    off = (
        f'<p class="soft">No console: {escape(options.console_off_reason)}.</p>'
        if options.console_off_reason
        else ""
    )
    hidden = (
        f'<p class="soft">No values: {escape(options.values_hidden_reason)}.</p>'
        if options.values_hidden_reason
        else ""
    )
    editor = ""
    if options.editor is None:
        editor = '<p class="soft">Set <code>TRIVET_EDITOR=code</code> (or cursor, pycharm, zed, subl, …) to open frames in your editor.</p>'
    facts = (("App", report.app_name), *report.versions, ("Process", str(report.process or "")))
    return (
        f'<section><h2 class="label">Environment</h2>{_table(facts)}{off}{hidden}{editor}</section>'
    )


def _footer() -> str:
    keys = (
        ("j k", "frames"),
        ("c", "console"),
        ("o", "editor"),
        ("l", "libraries"),
        ("m", "copy Markdown"),
        ("r", "again"),
    )
    shown = "".join(f"<span><kbd>{key}</kbd> {what}</span>" for key, what in keys)
    return f'<footer><div class="wide"><span class="keys" hidden>{shown}</span><span class="by">trivet dev</span></div></footer>'
