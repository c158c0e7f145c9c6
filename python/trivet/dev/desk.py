"""What becomes of an exception in one worker: reported, kept, held for the console, and shown."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterable

from trivet.dev.answer import Environ, StartResponse, answer
from trivet.dev.broadcast import Broadcast
from trivet.dev.collect import collect, with_console
from trivet.dev.console import Consoles
from trivet.dev.current_request import Noted
from trivet.dev.editor import choose_editor
from trivet.dev.facts import request_facts
from trivet.dev.gate import Gate
from trivet.dev.kept_errors import KeptErrors
from trivet.dev.page.html import PageOptions, as_html, policy
from trivet.dev.page.json import as_json
from trivet.dev.page.negotiate import HTML, JSON, MARKDOWN, negotiate
from trivet.dev.page.text import as_markdown, as_text
from trivet.dev.report import Report, without_values
from trivet.dev.session import DevSession

OnReport = Callable[[Report, BaseException], None]

IN_THE_MIDDLE = "in the middle of the response"
"""The title of an error that came too late for a page: it is raised on, and the engine logs it."""


class ErrorDesk:
    """One in each worker process. Its methods are called by any app thread."""

    def __init__(
        self, session: DevSession, broadcast: Broadcast, on_report: OnReport | None = None
    ) -> None:
        self.session = session
        self.gate = Gate(session)
        self.kept = KeptErrors(session.state_directory)
        self.consoles = Consoles(session.state_directory)
        self._broadcast = broadcast
        self._on_report = on_report or print_report
        self._editor = choose_editor(session.editor, os.environ)

    def report(
        self,
        error: BaseException,
        noted: Noted | None = None,
        *,
        title: str = "",
        log_lines: tuple[str, ...] = (),
    ) -> Report:
        """Make the report of an exception, keep it, hold its frames, and tell everybody."""
        report, live = collect(
            error,
            self.session,
            request=request_facts(noted) if noted is not None else None,
            log_lines=tuple(noted.log_lines) if noted is not None else log_lines,
            log_lines_left_out=noted.log_lines_left_out if noted is not None else 0,
            title=title,
        )
        if self.session.console:
            context = noted.context if noted is not None else None
            report = with_console(report, self.consoles.hold(live, context))
        report = self.kept.keep(report)
        self.tell(report)
        self._on_report(report, error)
        return report

    def tell(self, report: Report) -> None:
        """Let browsers know, also those whose failed request is not a page."""
        request = report.request
        self._broadcast.publish(
            {
                "kind": "error",
                "number": report.number,
                "title": report.error.first_line[:300],
                "method": request.method if request is not None else "",
                "path": request.path if request is not None else "",
            }
        )

    def show(
        self,
        report: Report,
        environ: Environ,
        start_response: StartResponse,
        *,
        status: str = "500 Internal Server Error",
        kept: bool = False,
    ) -> Iterable[bytes]:
        """Answer a request with the report, in the form that the client takes."""
        seen = self.gate.may_see_values(environ)
        if not seen.allowed:
            report = without_values(report)
        # A page that was loaded without the fix is still the right one to show: no 304, no cache.
        headers = [("Vary", "Accept")]
        if report.number:
            headers.append(("X-Trivet-Error", str(report.number)))  # refresh.js links to it
        kind = negotiate(
            str(environ.get("HTTP_ACCEPT", "")),
            str(environ.get("CONTENT_TYPE", "")),
            str(environ.get("HTTP_X_REQUESTED_WITH", "")),
        )
        if kind == HTML:
            nonce = secrets.token_urlsafe(18)
            headers.append(("Content-Security-Policy", policy(nonce)))
            text = as_html(report, self._options(environ, nonce, seen.reason, kept))
        elif kind == JSON:
            text = as_json(report)
        elif kind == MARKDOWN:
            text = as_markdown(report)
        else:
            text = as_text(report)
        return answer(environ, start_response, status, kind, text, headers)

    def _options(self, environ: Environ, nonce: str, hidden: str, kept: bool) -> PageOptions:
        session = self.session
        off = "" if session.console else session.console_off_reason or "it is switched off"
        return PageOptions(
            nonce=nonce,
            base=str(environ.get("SCRIPT_NAME", "")),
            editor=self._editor,
            path_map=session.path_map,
            console_off_reason=off or hidden,
            values_hidden_reason=hidden,
            kept=kept,
        )


def print_report(report: Report, error: BaseException) -> None:
    """Write the error to standard error: the user's own frames, and where the page is kept."""
    from trivet.app.user_frames import describe
    from trivet.errors import escape_controls

    if report.title == IN_THE_MIDDLE:
        return
    request = report.request
    asked = f"{request.method} {request.path} failed:\n" if request is not None else ""
    link = f"  page: /-/trivet/errors/{report.number}\n" if report.number else ""
    sys.stderr.write(escape_controls(f"{asked}{describe(error)}\n{link}"))
    sys.stderr.flush()
