"""A plain WSGI app with spans of its own, for what passes traces on."""

from opentelemetry import trace

TRACER = trace.get_tracer("shop")


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise LookupError("no such thing")
    with TRACER.start_as_current_span("look up"):
        body = b"found"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return parts(body) if path == "/stream" else [body]


def parts(body):
    with TRACER.start_as_current_span("make a part"):
        yield body
