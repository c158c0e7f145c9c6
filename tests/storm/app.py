"""What the storm asks: an echo of the body, and a view that waits; nothing is remembered."""

import time
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/wait":
        time.sleep(0.1)  # this is the view's work, not a test's patience
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [body[at : at + 700] for at in range(0, len(body), 700)] or [b"empty"]
