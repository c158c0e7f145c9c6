"""Answers every request with what the application saw of it, as JSON; used by the corpus only."""

import json
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    strings = {name: value for name, value in environ.items() if isinstance(value, str)}
    seen = {"environ": strings, "body": body.decode("latin-1")}
    answer = json.dumps(seen).encode("ascii")
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    return [answer]
