"""Views that tell what is in environ."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Environ = dict[str, Any]


def describe(value: object) -> dict[str, object]:
    """Return a value's exact type, and the value itself when JSON can hold it."""
    plain = value if isinstance(value, str | bool | int | tuple) else None
    return {"type": type(value).__name__, "value": plain}


def report(
    environ: Environ, start_response: Callable[..., object], query: Mapping[str, str]
) -> Iterable[bytes]:
    """Answer the whole environ; then change it, which no other request may notice."""
    body = json.dumps(
        {
            "environ type": describe(environ)["type"],
            "environ": {name: describe(value) for name, value in environ.items()},
        }
    ).encode()
    environ.clear()
    environ["left.behind"] = "by an earlier request"
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def write_errors(
    environ: Environ, start_response: Callable[..., object], query: Mapping[str, str]
) -> Iterable[bytes]:
    """Write to wsgi.errors in all ways that PEP 3333 names."""
    errors = environ["wsgi.errors"]
    errors.write(f"written {query['text']} é\n")
    errors.writelines([f"first {query['text']}\n", f"second {query['text']}\n"])
    errors.flush()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def meet(
    environ: Environ, start_response: Callable[..., object], query: Mapping[str, str]
) -> Iterable[bytes]:
    """Answer when as many requests as asked for are in here at the same time."""
    try:
        meeting(int(query["count"])).wait(timeout=10)
        text = b"all here"
    except threading.BrokenBarrierError:
        text = b"too few came"
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


_meetings: dict[int, threading.Barrier] = {}
_meetings_lock = threading.Lock()


def meeting(count: int) -> threading.Barrier:
    with _meetings_lock:
        return _meetings.setdefault(count, threading.Barrier(count))


VIEWS = {"environ": report, "errors": write_errors, "meet": meet}
