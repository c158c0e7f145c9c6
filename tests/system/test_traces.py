"""Traces of a running server, with the real SDK, as a collector gets them."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.conftest import StartServer
from tests.serving.addresses import free_tcp_address
from tests.serving.otlp_collector import Collector, collector
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire
from tests.system.applications import APPS

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
#: Nothing is sent before it must be: what arrives has been sent by the end of its process.
AT_THE_END = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2000"}


def start(
    start_server: StartServer,
    receiver: Collector,
    *flags: str,
    app: str = "traced:app",
    workers: int = 2,
    directory: Path = APPS,
    **environment: str,
) -> ServerProcess:
    return start_server(
        "trivet",
        app,
        directory,
        workers=workers,
        extra_arguments=["--traces", *flags],
        environment={
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_SERVICE_NAME": "shop",
            **AT_THE_END,
            **environment,
        },
    )


def ask(server: ServerProcess, path: str, times: int = 1) -> None:
    for _ in range(times):
        with Wire(server.address) as wire:
            wire.exchange("GET", path, [("traceparent", f"00-{TRACE}-{PARENT}-01")])


def of_requests(receiver: Collector) -> list[tuple[dict[str, str], Span]]:
    return [
        (resource, span)
        for resource, span in receiver.spans()
        if span.kind == Span.SPAN_KIND_SERVER
    ]


@pytest.mark.parametrize(
    "flags",
    [
        (),
        pytest.param(
            ("--preload",),
            marks=pytest.mark.skipif(sys.platform != "linux", reason="preload is for Linux"),
        ),
    ],
    ids=["each-worker-imports", "preload"],
)
def test_no_span_is_lost_by_a_reload_and_the_stop(
    start_server: StartServer, flags: tuple[str, ...]
) -> None:
    with collector() as receiver:
        server = start(start_server, receiver, *flags)
        server.wait_for_output("server-ready")
        workers = set(server.child_pids())
        ask(server, "/", 20)
        server.signal(signal.SIGHUP)
        server.wait_for_output("reloaded")
        ask(server, "/stream", 10)
        ask(server, "/fail", 3)
        ask(server, "/-/ready", 3)
        assert server.stop() == 0
        spans = receiver.spans()
    names = Counter(span.name for _, span in spans)
    assert names == {"GET": 33, "look up": 30, "make a part": 10}, "health checks have none"
    assert {resource["service.name"] for resource, _ in spans} == {"shop"}
    requests = of_requests(receiver)
    makers = {int(resource["process.pid"]) for resource, _ in requests}
    assert server.pid not in makers
    assert makers & workers, "old workers"
    assert makers - workers, "new workers"
    assert {span.trace_id.hex() for _, span in spans} == {TRACE}
    assert {span.parent_span_id.hex() for _, span in requests} == {PARENT}
    ids = {span.span_id for _, span in requests}
    assert all(span.parent_span_id in ids for _, span in spans if span.name != "GET")


def test_a_failed_view_is_an_error_with_its_exception(start_server: StartServer) -> None:
    with collector() as receiver:
        server = start(start_server, receiver, workers=1)
        ask(server, "/fail")
        assert server.stop() == 0
    ((_, span),) = of_requests(receiver)
    attributes = {pair.key: pair.value for pair in span.attributes}
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes["http.response.status_code"].int_value == 500
    assert attributes["error.type"].string_value == "LookupError"
    assert attributes["client.address"].string_value == "127.0.0.1"
    assert [event.name for event in span.events] == ["exception"]


def test_spans_of_a_worker_that_is_recycled_arrive_while_the_server_goes_on(
    start_server: StartServer,
) -> None:
    with collector() as receiver:
        flags = ("--max-requests", "5", "--max-requests-jitter", "0")
        server = start(start_server, receiver, *flags, workers=1)
        ask(server, "/", 5)
        server.wait_until(lambda: len(of_requests(receiver)) >= 5, "five spans arrive")
        assert server.stop() == 0


def test_a_sampler_of_the_environment_decides(start_server: StartServer) -> None:
    with collector() as receiver:
        server = start(start_server, receiver, OTEL_TRACES_SAMPLER="always_off")
        ask(server, "/", 10)
        assert server.stop() == 0
        assert receiver.spans() == []


def test_a_collector_that_is_gone_keeps_nobody_waiting(start_server: StartServer) -> None:
    with collector() as receiver:
        pass
    server = start(start_server, receiver)
    ask(server, "/", 4)
    assert server.stop() == 0


def test_the_provider_of_an_application_is_used(start_server: StartServer, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.resources import Resource\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor\n"
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n"
        "provider = TracerProvider(resource=Resource.create({'deployed.by': 'the app'}))\n"
        "provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'']\n"
    )
    with collector() as receiver:
        server = start(start_server, receiver, app="own:app", directory=tmp_path)
        ask(server, "/", 4)
        assert server.stop() == 0
    requests = of_requests(receiver)
    assert len(requests) == 4
    assert {resource["deployed.by"] for resource, _ in requests} == {"the app"}


def test_without_the_packages_the_start_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'opentelemetry'\", name='opentelemetry')\n"
    )
    (tmp_path / "plain.py").write_text("def app(environ, start_response): ...\n")
    port = str(free_tcp_address().port)
    failed = subprocess.run(
        [sys.executable, "-m", "trivet", "serve", "plain:app", "--traces", "--port", port],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.fspath(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert failed.returncode == 2
    assert "traces needs OpenTelemetry, and opentelemetry is not installed" in failed.stderr
    assert "pip install 'trivet[otel]'" in failed.stderr
