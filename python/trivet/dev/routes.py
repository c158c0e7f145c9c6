"""The pages below /-/trivet/: kept errors, the console, and the ways to its token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from html import escape
from urllib.parse import parse_qs

from trivet.dev.access import Verdict
from trivet.dev.answer import Environ, StartResponse, answer, answer_json
from trivet.dev.console import GONE
from trivet.dev.desk import ErrorDesk
from trivet.dev.gate import PREFIX

LARGEST_REQUEST = 256 * 1024  # bytes of a console's code with its frame

#: Below the prefix, and answered by dev/refresh.py in front of us.
OF_REFRESH = ("events", "refresh.js")

Page = Callable[[ErrorDesk, Environ, StartResponse], Iterable[bytes]]


def own_page(
    desk: ErrorDesk, environ: Environ, start_response: StartResponse
) -> Iterable[bytes] | None:
    """Answer a request for one of our pages; None when it is not for us."""
    path = str(environ.get("PATH_INFO", ""))
    if not path.startswith(PREFIX):
        return None
    name = path[len(PREFIX) :]
    if name in OF_REFRESH:
        return None
    first, _, rest = name.partition("/")
    if first == "errors":
        return _errors(desk, environ, start_response, rest)
    page = PAGES.get(name)
    if page is None:
        return answer(
            environ,
            start_response,
            "404 Not Found",
            "text/plain",
            "There is no such page of trivet dev.\n",
        )
    return page(desk, environ, start_response)


def _open(desk: ErrorDesk, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Turn the token of a link, which the terminal opens, into the cookie; then to the app."""
    token = parse_qs(str(environ.get("QUERY_STRING", ""))).get("token", [""])[0]
    verdict = desk.gate.may_open(environ, token)
    if not verdict.allowed:
        return _refused(environ, start_response, verdict)
    home = f"{environ.get('SCRIPT_NAME', '')}/"
    headers = [("Location", home), desk.gate.cookie(environ)]
    return answer(environ, start_response, "303 See Other", "text/plain", "", headers)


def _unlock(desk: ErrorDesk, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The same from the page itself, with a token that was typed."""
    if environ.get("REQUEST_METHOD") != "POST":
        return _refused(environ, start_response, Verdict(False, "unlocking takes POST only"))
    asked = _json_of(environ)
    token = asked.get("token") if isinstance(asked, dict) else None
    verdict = desk.gate.may_open(environ, token if isinstance(token, str) else "")
    if not verdict.allowed:
        return _refused(environ, start_response, verdict)
    return answer_json(environ, start_response, "200 OK", {}, [desk.gate.cookie(environ)])


def _console(desk: ErrorDesk, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Evaluate code in a frame, whichever worker holds it."""
    verdict = desk.gate.may_evaluate(environ)
    if not verdict.allowed:
        return _refused(environ, start_response, verdict)
    asked = _json_of(environ)
    frame, code = (
        (asked.get("frame"), asked.get("code")) if isinstance(asked, dict) else (None, None)
    )
    if not isinstance(frame, str) or not isinstance(code, str):
        return answer_json(
            environ,
            start_response,
            "400 Bad Request",
            {"refused": "expected JSON with frame and code"},
        )
    result = desk.consoles.ask(frame, code)
    if result is None:
        return answer_json(environ, start_response, "410 Gone", {"refused": GONE})
    return answer_json(environ, start_response, "200 OK", vars(result))


def _refused(environ: Environ, start_response: StartResponse, verdict: Verdict) -> Iterable[bytes]:
    value = {"refused": verdict.reason, "wants_token": verdict.wants_token}
    return answer_json(environ, start_response, "403 Forbidden", value)


def _errors(
    desk: ErrorDesk, environ: Environ, start_response: StartResponse, rest: str
) -> Iterable[bytes]:
    """One kept error, or the list of them. Only for those who may see values."""
    verdict = desk.gate.may_see_values(environ)
    if not verdict.allowed:
        return _refused(environ, start_response, verdict)
    if not rest:
        return _list(desk, environ, start_response)
    report = (
        desk.kept.read(int(rest)) if rest.isascii() and rest.isdigit() and len(rest) < 10 else None
    )
    if report is None:
        text = (
            "There is no such error any more: the last 20 of this start of trivet dev are kept.\n"
        )
        return answer(environ, start_response, "404 Not Found", "text/plain", text)
    return desk.show(report, environ, start_response, status="200 OK", kept=True)


def _list(desk: ErrorDesk, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    items = []
    for number in desk.kept.numbers():
        report = desk.kept.read(number)
        if report is not None:
            asked = (
                f"{report.request.method} {report.request.path}" if report.request else report.title
            )
            items.append(
                f'<li>{escape(report.when[11:19])} <a href="errors/{number}">{escape(report.error.first_line[:200])}</a>'
                f" <small>{escape(asked)}</small></li>"
            )
    inside = f"<ol>{''.join(items)}</ol>" if items else "<p>No errors since the start.</p>"
    # Its links are below "errors/", and it may be asked for without the slash.
    base = f"{environ.get('SCRIPT_NAME', '')}{PREFIX}"
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"<title>Errors of trivet dev</title><h1>The last errors</h1>{inside.replace('errors/', f'{escape(base)}errors/')}</html>"
    )
    policy = (
        "Content-Security-Policy",
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    )
    return answer(environ, start_response, "200 OK", "text/html", page, [policy])


def _json_of(environ: Environ) -> object:
    """The body as JSON; None when it is none. A form of another site cannot send this type."""
    kind = str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if kind != "application/json":
        return None
    try:
        length = min(int(environ.get("CONTENT_LENGTH") or 0), LARGEST_REQUEST)
        value: object = json.loads(environ["wsgi.input"].read(length))
    except (ValueError, OSError, RecursionError):
        return None
    return value


PAGES: dict[str, Page] = {"open": _open, "unlock": _unlock, "console": _console}
