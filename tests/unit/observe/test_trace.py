"""What a span says of a request, with the real SDK and an exporter that keeps spans in memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from trivet.errors import ExtraMissing, InvalidSetting, RequestTimedOut
from trivet.observe.trace import TracedApp, server_of
from trivet.observe.trace_provider import exporters_for, make_provider, service_name

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Traced:
    """An application in a trace, called as the engine calls it."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")
        self.app = TracedApp(app, self.tracer)

    def call(self, **environ: str) -> Any:
        made: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/things",
            "QUERY_STRING": "token=secret",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.7",
            "HTTP_HOST": "shop.example",
            "wsgi.url_scheme": "https",
            "wsgi.file_wrapper": FileWrapper,
            **environ,
        }
        return self.app(made, lambda status, headers, exc_info=None: lambda data: None)

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def span(self) -> ReadableSpan:
        (span,) = self.spans()
        return span


class FileWrapper:
    def __iter__(self) -> Iterator[bytes]:
        return iter([b"file"])


def answering(status: str, body: Iterable[bytes] = (b"ok",)) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, [])
        return body

    return app


def raising(error: BaseException) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Any:
        raise error

    return app


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_span_has_the_names_of_the_semantic_conventions() -> None:
    traced = Traced(answering("204 No Content", []))
    traced.call(HTTP_USER_AGENT="curl/8", SCRIPT_NAME="/shop", PATH_INFO="/caf\xc3\xa9 1")
    span = traced.span()
    assert (span.name, span.kind) == ("GET", SpanKind.SERVER)
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.response.status_code": 204,
        "url.scheme": "https",
        "url.path": "/shop/caf%C3%A9%201",
        "server.address": "shop.example",
        "server.port": 443,
        "client.address": "192.0.2.7",
        "user_agent.original": "curl/8",
        "network.protocol.version": "1.1",
    }
    assert span.status.status_code is StatusCode.UNSET


def test_nothing_of_a_query_string_is_in_a_span() -> None:
    traced = Traced(answering("200 OK"))
    traced.call()
    assert "secret" not in traced.span().to_json()


def test_a_made_up_method_names_no_span() -> None:
    traced = Traced(answering("405 Method Not Allowed"))
    traced.call(REQUEST_METHOD="BREW")
    span = traced.span()
    assert span.name == "HTTP"
    assert attributes(span)["http.request.method"] == "_OTHER"
    assert attributes(span)["http.request.method_original"] == "BREW"


def test_a_span_continues_the_trace_of_its_client() -> None:
    traced = Traced(answering("200 OK"))
    traced.call(HTTP_TRACEPARENT=f"00-{TRACE}-{PARENT}-01", HTTP_TRACESTATE="vendor=1")
    span = traced.span()
    assert span.parent is not None
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.context.trace_state["vendor"] == "1"


def test_a_broken_traceparent_begins_a_new_trace() -> None:
    traced = Traced(answering("200 OK"))
    traced.call(HTTP_TRACEPARENT="00-0-0-zz")
    assert traced.span().parent is None


def test_spans_of_the_view_and_of_a_streamed_body_are_children() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        with traced.tracer.start_as_current_span("view"):
            start_response("200 OK", [])
        return parts()

    def parts() -> Iterator[bytes]:
        with traced.tracer.start_as_current_span("part"):
            yield b"1"

    traced = Traced(app)
    body = traced.call()
    assert list(body) == [b"1"]
    assert [span.name for span in traced.spans()] == ["view", "part"], "it has not been closed"
    body.close()
    view, part, request = traced.spans()
    assert view.parent == part.parent == request.context
    assert not trace.get_current_span().get_span_context().is_valid, "nothing is left behind"


def test_what_is_sent_at_once_reaches_the_engine_as_it_is() -> None:
    for body in ([b"one"], (b"one", b"two"), FileWrapper()):
        traced = Traced(answering("200 OK", body))
        assert traced.call() is body
        assert traced.span().end_time is not None


def test_an_error_status_is_an_error_of_the_server() -> None:
    traced = Traced(answering("503 Service Unavailable"))
    traced.call()
    assert traced.span().status.status_code is StatusCode.ERROR
    assert attributes(traced.span())["error.type"] == "503"


def test_a_clients_error_is_none_of_the_server() -> None:
    traced = Traced(answering("404 Not Found"))
    traced.call()
    assert traced.span().status.status_code is StatusCode.UNSET
    assert "error.type" not in attributes(traced.span())


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (LookupError("nothing"), "LookupError", 500),
        (RequestTimedOut("late"), "trivet.errors.RequestTimedOut", 504),
    ],
)
def test_an_exception_is_recorded_and_goes_on_to_the_engine(
    error: BaseException, kind: str, status: int
) -> None:
    traced = Traced(raising(error))
    with pytest.raises(type(error)):
        traced.call()
    span = traced.span()
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["error.type"] == kind
    assert attributes(span)["http.response.status_code"] == status
    assert [event.name for event in span.events] == ["exception"]
    assert not trace.get_current_span().get_span_context().is_valid


def test_an_exception_in_a_body_whose_head_is_sent_does_not_change_the_status() -> None:
    def parts() -> Iterator[bytes]:
        yield b"1"
        raise ValueError("in the middle")

    traced = Traced(answering("200 OK", parts()))
    body = traced.call()
    assert next(body) == b"1"
    with pytest.raises(ValueError, match="in the middle"):
        next(body)
    body.close()
    assert attributes(traced.span())["http.response.status_code"] == 200
    assert attributes(traced.span())["error.type"] == "ValueError"


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("shop.example", ("shop.example", 443)),
        ("shop.example:8443", ("shop.example", 8443)),
        ("[::1]:8443", ("::1", 8443)),
        ("[::1]", ("::1", 443)),
        ("", ("127.0.0.1", 8000)),
    ],
)
def test_the_server_is_the_one_that_the_client_asked_for(host: str, found: object) -> None:
    environ = {"HTTP_HOST": host, "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000"}
    assert server_of({**environ, "wsgi.url_scheme": "https"}) == found


def test_a_service_is_called_after_its_application_unless_it_has_a_name() -> None:
    nowhere = {"OTEL_TRACES_EXPORTER": "none"}
    assert make_provider(nowhere, "shop").resource.attributes["service.name"] == "shop"


def test_a_service_that_has_a_name_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "till")
    nowhere = {"OTEL_TRACES_EXPORTER": "none", "OTEL_SERVICE_NAME": "till"}
    assert make_provider(nowhere, "shop").resource.attributes["service.name"] == "till"


@pytest.mark.parametrize(
    ("target", "name"),
    [("shop.web:app", "shop.web"), ("src/shop.py", "shop"), ("src/shop/", "shop"), ("", "")],
)
def test_the_name_of_an_application_is_its_module_or_file(target: str, name: str) -> None:
    assert service_name(target) == name


def test_exporters_are_those_that_the_variables_name() -> None:
    assert exporters_for({"OTEL_TRACES_EXPORTER": "none"}) == []
    (console,) = exporters_for({"OTEL_TRACES_EXPORTER": "console"})
    assert type(console()).__name__ == "ConsoleSpanExporter"
    (standard,) = exporters_for({})
    exporter = standard()
    assert type(exporter).__module__.startswith("opentelemetry.exporter.otlp.proto.http")
    exporter.shutdown()


def test_an_exporter_that_is_not_installed_is_named_with_what_to_do() -> None:
    (make,) = exporters_for({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    with pytest.raises(ExtraMissing) as caught:
        make()
    assert "pip install opentelemetry-exporter-otlp-proto-grpc" in (caught.value.hint or "")


def test_a_protocol_that_does_not_exist_is_refused() -> None:
    (make,) = exporters_for({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    with pytest.raises(InvalidSetting, match="http/protobuf or grpc"):
        make()
