"""WSGI middleware that knows which requests run and tells of those that are over; it changes none.

A worker that is to go asks it what it must wait for: a request that has no answer yet is waited
for, a stream is not. Called on app threads; the main thread looks.
"""

from __future__ import annotations

import threading
import time

from trivet.dev.views import NOTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class Requests:
    """Wraps `app`; calls `tell(**fields)` at the end of each request, on the thread that ran it.

    `loaded` is the application inside, as it was imported, which knows its views.
    """

    def __init__(self, app: Any, loaded: object, tell: Callable[..., None]) -> None:
        self._app = app
        self.loaded = loaded
        self._tell = tell
        self._lock = threading.Lock()
        #: Requests that have no answer yet.
        self._unanswered = 0

    @property
    def unanswered(self) -> int:
        """Requests of which the client has heard nothing yet."""
        return self._unanswered

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self._count(1)
        request = _Request(self, environ)
        try:
            body = self._app(environ, request.starting(start_response))
        except BaseException:
            request.over()
            raise
        if isinstance(body, list | tuple | _file_wrapper(environ)):
            # The engine sends these in its own ways, and must get them as they are.
            request.over()
            return body
        return _Body(body, request)

    def _count(self, change: int) -> None:
        with self._lock:
            self._unanswered += change


class _Request:
    """One request: when it began, whether it is answered, what is told of it."""

    def __init__(self, requests: Requests, environ: dict[str, Any]) -> None:
        self._requests = requests
        self._environ = environ
        self._began = time.monotonic()
        self._status = ""
        self._answered = False
        if "werkzeug.socket" in environ:
            self.answer()  # most likely a WebSocket: nobody waits for its end

    def starting(self, start_response: Any) -> Any:
        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            self._status = status
            write = start_response(status, headers, exc_info) if exc_info else start_response(
                status, headers
            )  # fmt: skip

            def count_and_write(data: bytes) -> object:
                self.answer()
                return write(data)

            return count_and_write

        return start

    def answer(self) -> None:
        """The first bytes of the answer are on their way."""
        if not self._answered:
            self._answered = True
            self._requests._count(-1)

    def over(self) -> None:
        self.answer()
        view, static = self._environ.get(NOTED, ("", False))
        self._requests._tell(
            method=self._environ.get("REQUEST_METHOD", ""),
            path=self._environ.get("SCRIPT_NAME", "") + self._environ.get("PATH_INFO", ""),
            query=self._environ.get("QUERY_STRING", ""),
            status=self._status[:3],
            ms=round((time.monotonic() - self._began) * 1000, 1),
            view=view,
            static=static,
            at=time.time(),
        )


class _Body:
    """The answer's body, as it is, with its end noticed."""

    def __init__(self, body: Any, request: _Request) -> None:
        self._body = body
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for part in self._body:
            if part:
                self._request.answer()
            yield part

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._request.over()


def _file_wrapper(environ: dict[str, Any]) -> type:
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper if isinstance(wrapper, type) else tuple
