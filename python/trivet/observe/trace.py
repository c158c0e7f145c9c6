"""A span of OpenTelemetry for each request: its name, what it says, when it begins and ends.

Imported only with the setting `traces`; needs the extra `otel`. Names and attributes follow the
semantic conventions for HTTP servers (opentelemetry.io/docs/specs/semconv/http/http-spans). The
query string is left out: it is where applications get tokens and names of people. Where spans go is
in trace_provider.py.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from trivet.errors import RequestTimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Environ = dict[str, Any]
    App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

#: Methods by which spans are named; a client could make up any number of others.
METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
#: What may stand unquoted in a path (RFC 3986 section 3.3).
PATH_LETTERS = "/:@!$&'()*+,;=~"
UNKNOWN_METHOD = "_OTHER"


class _Fields(Getter[Any]):
    """Header fields of an environ, for what reads the parent of a span from them."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        value = carrier.get("HTTP_" + key.upper().replace("-", "_"))
        return None if value is None else [value]

    def keys(self, carrier: Any) -> list[str]:
        return [name[5:].lower().replace("_", "-") for name in carrier if name.startswith("HTTP_")]


_FIELDS = _Fields()


class TracedApp:
    """The application with a span around each call; any number of threads call it at once."""

    def __init__(self, app: App, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        known = method in METHODS
        span = self._tracer.start_span(
            method if known else "HTTP",
            propagate.extract(environ, getter=_FIELDS),
            SpanKind.SERVER,
            attributes(environ),
        )
        if not known:
            span.set_attribute("http.request.method_original", method)
        request = _Request(span, start_response)
        token = context.attach(request.context)
        try:
            body = self._app(environ, request.start_response)
        except BaseException as error:  # the thread may be taken back by RequestTimedOut
            request.fail(error, answered=False)
            request.end()
            raise
        finally:
            context.detach(token)
        # Nothing of the application runs any more for these, and the engine sends them as they are:
        # a list with one send, a file without reading it.
        if type(body) in (list, tuple) or type(body) is environ.get("wsgi.file_wrapper"):
            request.end()
            return body
        return _TracedBody(body, request)


class _Request:
    """The span of one request. Used by its thread alone."""

    __slots__ = ("_start_response", "context", "span", "status")

    def __init__(self, span: Span, start_response: Callable[..., Any]) -> None:
        self.span = span
        self.status = 0
        self._start_response = start_response
        self.context: Context = trace.set_span_in_context(span, context.get_current())

    def start_response(self, status: str, headers: Any, *exc_info: Any) -> Any:
        write = self._start_response(status, headers, *exc_info)
        self.status = int(status[:3])  # the engine has refused what is no status
        return write

    def fail(self, error: BaseException, *, answered: bool) -> None:
        """Note an exception that leaves the application."""
        if not answered:
            # What the engine answers then.
            self.status = 504 if isinstance(error, RequestTimedOut) else 500
        self.span.record_exception(error)
        self.span.set_attribute("error.type", _name_of(type(error)))
        self.span.set_status(Status(StatusCode.ERROR, str(error) or None))

    def end(self) -> None:
        if self.status:
            self.span.set_attribute("http.response.status_code", self.status)
        if self.status >= 500 and not _has_error(self.span):
            self.span.set_attribute("error.type", str(self.status))
            self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()


class _TracedBody:
    """A body that is made while it is sent, in the context of its request; ends the span."""

    __slots__ = ("_body", "_has_begun", "_iterator", "_request")

    def __init__(self, body: Iterable[bytes], request: _Request) -> None:
        self._body = body
        self._request = request
        self._iterator: Iterator[bytes] | None = None
        self._has_begun = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token = context.attach(self._request.context)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            part = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:  # as above
            self._request.fail(error, answered=self._has_begun)
            raise
        finally:
            context.detach(token)
        self._has_begun = self._has_begun or bool(part)
        return part

    def close(self) -> None:
        """Called by the engine in every case (PEP 3333)."""
        close = getattr(self._body, "close", None)
        token = context.attach(self._request.context)
        try:
            if close is not None:
                close()
        except BaseException as error:  # as above
            self._request.fail(error, answered=True)
            raise
        finally:
            context.detach(token)
            self._request.end()


def attributes(environ: Environ) -> dict[str, str | int]:
    """What is known of a request before the application is called; samplers decide by it."""
    method = environ["REQUEST_METHOD"]
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    host, port = server_of(environ)
    found: dict[str, str | int] = {
        "http.request.method": method if method in METHODS else UNKNOWN_METHOD,
        "url.scheme": environ["wsgi.url_scheme"],
        "url.path": quote(path.encode("latin-1"), safe=PATH_LETTERS) or "/",
        "network.protocol.version": environ["SERVER_PROTOCOL"].rpartition("/")[2],
    }
    if host:
        found["server.address"] = host
    if port:
        found["server.port"] = port
    if environ.get("REMOTE_ADDR"):
        found["client.address"] = environ["REMOTE_ADDR"]
    if "HTTP_USER_AGENT" in environ:
        found["user_agent.original"] = environ["HTTP_USER_AGENT"]
    return found


def server_of(environ: Environ) -> tuple[str, int]:
    """The host that the client has asked for, without brackets, and its port; 0 is none."""
    host = environ.get("HTTP_HOST", "")
    if not host:
        host, given = environ.get("SERVER_NAME", ""), environ.get("SERVER_PORT", "")
    elif host.startswith("["):
        host, _, rest = host[1:].partition("]")
        given = rest.removeprefix(":")
    else:
        host, _, given = host.partition(":")
    if not given:
        given = {"http": "80", "https": "443"}.get(environ["wsgi.url_scheme"], "")
    return host, int(given) if given.isascii() and given.isdigit() else 0


def _name_of(kind: type[BaseException]) -> str:
    in_module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return in_module + kind.__qualname__


def _has_error(span: Span) -> bool:
    """Whether an error was noted; also one that the application has noted itself."""
    status = getattr(span, "status", None)
    return status is not None and status.status_code is StatusCode.ERROR
