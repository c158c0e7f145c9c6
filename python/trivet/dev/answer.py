"""WSGI answers of the development tools: status, headers and one body; no decisions here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

#: The token may stand in a URL, and pages show values: neither leaves by a cache or a Referer.
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def answer(
    environ: Environ,
    start_response: StartResponse,
    status: str,
    kind: str,
    text: str,
    headers: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    """Start the response and return its body, which HEAD gets none of."""
    body = text.encode("utf-8", "backslashreplace")
    start_response(
        status,
        [
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            *_HEADERS,
            *headers,
        ],
    )
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def answer_json(
    environ: Environ,
    start_response: StartResponse,
    status: str,
    value: object,
    headers: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    return answer(environ, start_response, status, "application/json", json.dumps(value), headers)
