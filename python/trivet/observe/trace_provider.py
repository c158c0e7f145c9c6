"""Where spans go: the provider of OpenTelemetry in one process, as the OTEL_… variables say.

Made in the process that serves, after the fork: its thread would not come along. The SDK sends what
is left at the end of the process, by an exit function, which Trivet gives time for.
"""

from __future__ import annotations

import os
from functools import partial

from trivet.errors import ExtraMissing, InvalidSetting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

#: The distributions register their exporters under these names. Those of the variable are shorter,
#: and stand for a protocol besides (opentelemetry.io/docs/specs/otel/protocol/exporter).
EXPORTERS_GROUP = "opentelemetry_traces_exporter"
OTLP_EXPORTERS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
PROTOCOL_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def service_name(target: str) -> str:
    """What a service is called that nobody has named: the module or file of the application."""
    return os.path.basename(target.partition(":")[0].rstrip("/")).removesuffix(".py")


def traced(app: Callable[..., Any], target: str) -> Callable[..., Any]:
    """The application with a span for each request. Raises ExtraMissing and InvalidSetting."""
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider  # noqa: F401 - to be told at once

        from trivet.observe.trace import TracedApp
    except ImportError as error:
        raise ExtraMissing(
            f"traces needs OpenTelemetry, and {error.name or 'a part of it'} is not installed",
            hint="pip install 'trivet[otel]', or turn traces off",
        ) from error
    import trivet

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        # The application has set up none.
        trace.set_tracer_provider(make_provider(os.environ, service_name(target)))
    return TracedApp(app, trace.get_tracer("trivet", trivet.__version__))


def make_provider(environ: Mapping[str, str], service: str) -> TracerProvider:
    """A provider as the variables say. Raises InvalidSetting and ExtraMissing."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # What is given here would take the place of what the variables say.
    named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    own: dict[str, str | int] = {"process.pid": os.getpid()}
    if not named and service:
        own["service.name"] = service
    exporters = [make() for make in exporters_for(environ)]
    provider = TracerProvider(resource=Resource.create(own))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def exporters_for(environ: Mapping[str, str]) -> list[Callable[[], SpanExporter]]:
    """What makes the exporters that OTEL_TRACES_EXPORTER names."""
    names = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")]
    return [partial(_make, name, environ) for name in names if name not in ("", "none")]


def _make(name: str, environ: Mapping[str, str]) -> SpanExporter:
    from importlib.metadata import entry_points

    registered = name
    if name == "otlp":
        protocol = next(
            (environ[variable] for variable in PROTOCOL_VARIABLES if environ.get(variable)),
            "http/protobuf",
        )
        if protocol not in OTLP_EXPORTERS:
            raise InvalidSetting(
                f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}, "
                f"expected {' or '.join(OTLP_EXPORTERS)}",
                hint="leave it out for http/protobuf",
            )
        registered = OTLP_EXPORTERS[protocol]
    found = list(entry_points(group=EXPORTERS_GROUP, name=registered))
    if not found:
        raise ExtraMissing(
            f"OTEL_TRACES_EXPORTER is {name!r}, and no installed package has {registered}",
            hint=f"pip install opentelemetry-exporter-{registered.replace('_', '-')}, "
            "or leave the variable out for OTLP over HTTP",
        )
    exporter: SpanExporter = found[0].load()()
    return exporter
