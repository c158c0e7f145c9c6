"""What a scenario's app costs by itself: called in a loop in its own process, without a server.

The difference to a server's CPU per request is what the server costs.
"""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.environments import HERE
from benchmarks.scenarios import BROWSER_HEADERS, SCENARIOS, Scenario
from benchmarks.serving import APPS

CALLS = 5_000
REPEATS = 5

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def app_microseconds(scenario: Scenario) -> float:
    """CPU time of one call in µs: the least of five times 5,000 calls, in a fresh interpreter.

    Raises CalledProcessError when the app cannot be imported or raises.
    """
    command = [sys.executable, "-m", "benchmarks.in_process", scenario.name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    return float(done.stdout)


def environ_of(scenario: Scenario) -> dict[str, Any]:
    """The environ that a server would make of the scenario's request (PEP 3333)."""
    environ: dict[str, Any] = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in BROWSER_HEADERS.items()
    }
    path, _, query = scenario.path.partition("?")
    environ |= {
        "REQUEST_METHOD": scenario.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(scenario.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if scenario.body:
        environ["CONTENT_LENGTH"] = str(len(scenario.body))
    return environ


def call(app: WSGIApp, environ: dict[str, Any]) -> bytes:
    """Call the app once as a server does, iterate and close; the body."""
    answer = app(environ, lambda status, headers, exc_info=None: None)
    try:
        return b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()


def _measure(scenario: Scenario) -> float:
    sys.path.insert(0, str(APPS))
    app: WSGIApp = importlib.import_module(scenario.app).app
    template = environ_of(scenario)
    return min(_microseconds(app, template) for _ in range(REPEATS))


def _microseconds(app: WSGIApp, template: dict[str, Any]) -> float:
    """One call in µs. Making the environ is the server's work; ending it is the app's."""
    body = template["wsgi.input"].getvalue()
    start = time.process_time()
    for _ in range(CALLS):
        call(app, {**template, "wsgi.input": io.BytesIO(body)})
    whole = time.process_time() - start
    start = time.process_time()
    for _ in range(CALLS):
        {**template, "wsgi.input": io.BytesIO(body)}  # only its cost is wanted
    return (whole - (time.process_time() - start)) / CALLS * 1e6


if __name__ == "__main__":
    print(_measure(SCENARIOS[sys.argv[1]]))
