"""The request of a report as a curl command and as a pytest test, to repeat it; secrets left out."""

from __future__ import annotations

import re
import shlex
from urllib.parse import urlsplit

from trivet.dev.masking import MASK
from trivet.dev.report import Report, RequestFacts

#: Headers that a client makes itself, or that say nothing about what went wrong.
_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "dnt",
        "host",
        "if-modified-since",
        "if-none-match",
        "pragma",
        "priority",
        "purpose",
        "te",
        "upgrade-insecure-requests",
        "user-agent",
    }
)


def _wanted_headers(request: RequestFacts) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in request.headers
        if name.lower() not in _OWN_HEADERS and not name.lower().startswith("sec-")
    ]


def as_curl(request: RequestFacts) -> str:
    """The request for a shell. What was masked stays so, and is to be filled in."""
    # --globoff: brackets in a URL are no pattern here.
    parts = ["curl --include --globoff"]
    if request.method == "HEAD":
        parts[0] = "curl --head --globoff"
    elif request.method != ("POST" if request.body else "GET"):
        parts.append(f"--request {shlex.quote(request.method)}")
    parts.append(shlex.quote(request.url))
    parts += [
        f"--header {shlex.quote(f'{name}: {value}')}" for name, value in _wanted_headers(request)
    ]
    if request.body:
        parts.append(f"--data-raw {shlex.quote(request.body)}")
    return " \\\n  ".join(parts)


def as_pytest(report: Report, request: RequestFacts) -> str:
    """A test that fails as long as the error is there."""
    arguments = [repr(request.path)]
    if request.method not in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        call = "open"
        arguments.append(f"method={request.method!r}")
    else:
        call = request.method.lower()
    headers = {
        name: value
        for name, value in _wanted_headers(request)
        if name not in ("Content-Type", "Cookie", "Accept", "Origin", "Referer")
        and MASK not in value
    }
    if headers:
        arguments.append(f"headers={headers!r}")
    kind = dict(request.headers).get("Content-Type", "")
    if request.body:
        arguments += [f"data={request.body!r}", f"content_type={kind!r}"]
    inside = ", ".join(arguments)
    if len(inside) > 76:
        inside = "\n        " + ",\n        ".join(arguments) + ",\n    "
    name = (
        re.sub(r"[^a-z0-9]+", "_", urlsplit(request.path).path.lower()).strip("_") or "start_page"
    )
    lines = [
        *_client(report, request),
        "",
        "",
        f"def test_{request.method.lower()}_{name}():",
        *(["    # Fill in what is masked: ••••••"] if MASK in inside else []),
        f"    # raised {report.error.first_line[:80]}",
        f"    response = client.{call}({inside})",
        "    assert response.status_code < 500",
    ]
    return "\n".join(lines) + "\n"


def _client(report: Report, request: RequestFacts) -> list[str]:
    """The lines that make a client: Django's or Werkzeug's, which comes with Trivet."""
    if request.framework == "Django":
        return ["from django.test import Client", "", "client = Client()"]
    module, _, attribute = report.app_name.partition(":")
    name = re.match(r"\w+", attribute)
    if not module or name is None:
        return [
            "from werkzeug.test import Client",
            "",
            "from app import app",
            "",
            "client = Client(app)",
        ]
    app = attribute if attribute != name[0] else name[0]
    return [
        "from werkzeug.test import Client",
        "",
        f"from {module} import {name[0]}",
        "",
        f"client = Client({app})",
    ]
