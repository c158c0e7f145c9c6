"""WSGI middleware: gives pages the refresh script, and browsers the news of this worker.

Runs in app threads. A browser that listens holds one of them, for all of its tabs.
"""

from __future__ import annotations

import hashlib
import html
import json
from pathlib import Path

from trivet.dev.content_security import permission, policies_in_page
from trivet.dev.html_injection import (
    asks_for_page,
    changed_headers,
    is_whole_page,
    marked_etag,
    unmarked_condition,
    values_of,
    with_tag,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from trivet.dev.broadcast import Broadcast, Subscription
    from trivet.dev.html_injection import Headers
    from trivet.dev.session import DevSession

    WSGIApplication = Any
    StartResponse = Callable[..., Any]

EVENTS_PATH = "/-/trivet/events"
SCRIPT_PATH = "/-/trivet/refresh.js"

#: A comment is sent after so much silence: only sending shows that a browser has left.
HEARTBEAT_SECONDS = 15.0

SCRIPT = (Path(__file__).parent / "refresh.js").read_bytes()

#: Part of the script's address, so that tabs of an older Trivet do not share its connection.
SCRIPT_VERSION = hashlib.sha256(SCRIPT).hexdigest()[:8]


class Refresh:
    """The application with pages that refresh themselves."""

    def __init__(self, app: WSGIApplication, session: DevSession, broadcast: Broadcast) -> None:
        self._app = app
        self._broadcast = broadcast
        self._wanted = session.refresh
        # Generations begin anew with each start of `trivet dev`. The token itself is secret.
        start = hashlib.sha256(session.token.encode()).hexdigest()[:8]
        self._start = start

    @property
    def generation(self) -> str:
        """What a page made now is made of: the code, and the files beside it."""
        return self._generation_at(self._broadcast.changes)

    def _generation_at(self, changes: object) -> str:
        code = f"{self._start}.{self._broadcast.generation}"
        return f"{code}.{changes}" if changes else code

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == SCRIPT_PATH:
            return self._send_script(environ, start_response)
        if path == EVENTS_PATH:
            return self._send_events(environ, start_response)
        if not (self._wanted and asks_for_page(environ)):
            return self._app(environ, start_response)  # type: ignore[no-any-return]  # WSGI
        return self._send_page(environ, start_response)

    # What is ours

    def _send_script(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        headers = [
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Content-Length", str(len(SCRIPT))),
            ("Cache-Control", "no-cache"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("200 OK", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [SCRIPT]

    def _send_events(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        headers = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")]
        if not self._wanted:
            # 204 tells an EventSource not to come again (HTML, "Server-sent events").
            start_response("204 No Content", [("Cache-Control", "no-store")])
            return []
        start_response("200 OK", headers)
        if environ.get("REQUEST_METHOD") == "HEAD":
            return []
        # In this order: what changes in between is told twice, and not never.
        subscription = self._broadcast.subscribe()
        return _EventStream(subscription, self.generation, self._generation_at)

    # What is the app's

    def _send_page(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        condition = environ.get("HTTP_IF_NONE_MATCH")
        if condition is not None:
            own = unmarked_condition(condition, self.generation)
            if own:
                environ["HTTP_IF_NONE_MATCH"] = own
            else:
                del environ["HTTP_IF_NONE_MATCH"]
        held = _HeldStart(start_response)
        body = self._app(environ, held.start_response)
        if not held.holds() or not is_whole_page(held.status, held.headers, body):
            self._let_go(held)
            return body  # type: ignore[no-any-return]  # WSGI: whatever the app gave
        try:
            page = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        if not held.holds():
            return [page]
        # A generator may have replaced its headers with those of an error.
        tag = self._tag(environ, held.headers, page)
        if tag is not None and is_whole_page(held.status, held.headers, [page]):
            declared = values_of(held.headers, "content-length")
            if not declared or declared == [str(len(page))]:
                page = with_tag(page, tag)
                held.headers = changed_headers(held.headers, len(page), self.generation)
        held.release()
        return [page]

    def _let_go(self, held: _HeldStart) -> None:
        """Let an answer through as it is; a browser that is told "not modified" knows our tag."""
        if held.holds() and held.status.startswith("304"):
            held.headers = [
                (name, marked_etag(value, self.generation) if name.lower() == "etag" else value)
                for name, value in held.headers
            ]
        held.release()

    def _tag(self, environ: dict[str, Any], headers: Headers, page: bytes) -> bytes | None:
        policies = values_of(headers, "content-security-policy") + policies_in_page(page)
        host = environ.get("HTTP_HOST", "")
        nonce = permission(policies, host)
        if nonce is None:
            return None
        source = f"{environ.get('SCRIPT_NAME', '')}{SCRIPT_PATH}?v={SCRIPT_VERSION}"
        return script_tag(
            source, self.generation, nonce=nonce, method=environ.get("REQUEST_METHOD", "GET")
        ).encode("ascii", "xmlcharrefreplace")


def script_tag(source: str, generation: str, *, nonce: str = "", method: str = "GET") -> str:
    """The element that loads the script. `defer`: nothing on the page waits for it."""
    attributes = {"src": source, "data-generation": generation}
    if nonce:
        attributes["nonce"] = nonce
    if method != "GET":
        attributes["data-method"] = method
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f'<script{written} defer="defer"></script>'


class _HeldStart:
    """A start_response that waits until it is known whether the headers must change."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self._passing = False
        self._holding = False
        self.status = ""
        self.headers: Headers = []
        self._exc_info: Any = None

    def start_response(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if self._passing:
            return self._start_response(status, headers, exc_info)  # type: ignore[no-any-return]  # WSGI
        if self._holding and exc_info is None:
            # The engine knows how to complain about a second call.
            write = self.release()
            self._start_response(status, headers)
            return write
        self._holding = True
        self.status, self.headers, self._exc_info = status, headers, exc_info
        return self._write

    def holds(self) -> bool:
        """Whether there is an answer to decide about. A body that is read may change that."""
        return self._holding

    def _write(self, data: bytes) -> object:
        """The app sends by itself, piece by piece: such an answer is left alone."""
        return self.release()(data)

    def release(self) -> Callable[[bytes], object]:
        """Pass on what was held, and from now on everything."""
        if self._passing:
            return self._late_write
        self._passing = True
        if not self._holding:
            return self._late_write
        self._holding = False
        if self._exc_info is None:
            self._real_write = self._start_response(self.status, self.headers)
        else:
            self._real_write = self._start_response(self.status, self.headers, self._exc_info)
            self._exc_info = None  # a traceback would keep the frames alive
        return self._late_write

    def _late_write(self, data: bytes) -> object:
        return self._real_write(data)


class _EventStream:
    """The body of an answer that lasts: server-sent events, one for each piece of news."""

    def __init__(
        self,
        subscription: Subscription,
        generation: str,
        generation_at: Callable[[object], str],
    ) -> None:
        self._subscription = subscription
        self._generation_at = generation_at
        self._greeting: bytes | None = _event({"kind": "hello", "generation": generation})

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._greeting is not None:
            greeting, self._greeting = self._greeting, None
            return greeting
        news = self._subscription.next(HEARTBEAT_SECONDS)
        if news is None:
            return b":\n\n"
        if "changes" in news:
            news = {**news, "generation": self._generation_at(news["changes"])}
        return _event(news)

    def close(self) -> None:
        self._subscription.close()


def _event(news: dict[str, object]) -> bytes:
    return f"data: {json.dumps(news, default=str)}\n\n".encode()
