"""Every scenario: the app, the request, and the load. Data only, run by `compare` and `count`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Connections that are there beside the load, and that nobody measures.

    "idle": answered once, then kept; "half-sent": a request whose head never ends; "slow":
    requests for `path`, a new one after each answer.
    """

    kind: Literal["idle", "half-sent", "slow"]
    count: int
    path: str = "/"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One application under one kind of load.

    `threads` is how many application threads a server that asks for a number is given: 4 (what
    gunicorn and waitress suggest) where the app only computes, one per connection where it sleeps.
    """

    name: str
    about: str
    app: str  # a file of benchmarks/apps, without ".py"
    expected_body: bytes
    path: str = "/"
    method: str = "GET"
    body: bytes = b""
    connections: int = 64
    threads: int = 4
    beside: Crowd | None = None
    # Can a server that knows no HTTP beyond the end of a head answer it?
    canned: bool = False


HELLO = b"Hello, World!"
KIB = 1024
# For servers that ask for a number: one for each slow request, and what they suggest for the fast.
SLOW_AND_FAST_THREADS = 32 + 4
TEMPLATE = (
    "<!doctype html>\n<title>Shop &amp; more</title>\n<table>\n"
    + "".join(f"<tr><td>item {number}</td><td>{number * 3}</td></tr>\n" for number in range(20))
    + "</table>"
).encode()

_ALL = (
    Scenario(
        name="hello",
        about="a WSGI callable that returns 13 bytes",
        app="hello",
        expected_body=HELLO,
        canned=True,
    ),
    Scenario(
        name="flask-hello",
        about="a Flask view that returns 13 bytes",
        app="flask_hello",
        expected_body=HELLO,
        canned=True,
    ),
    Scenario(
        name="flask-json",
        about="a Flask view that returns a small dict",
        app="flask_hello",
        path="/json",
        expected_body=b'{"message":"Hello, World!"}\n',
    ),
    Scenario(
        name="flask-template",
        about="a Flask view that renders a template with twenty rows",
        app="flask_template",
        expected_body=TEMPLATE,
    ),
    Scenario(
        name="cpu",
        about="about 35 µs of Python in every request",
        app="cpu",
        expected_body=b"1999000",
    ),
    Scenario(
        name="cpu-and-sleep",
        about="about 35 µs of Python, then 1 ms of sleep",
        app="cpu",
        path="/sleep",
        expected_body=b"1999000",
        threads=32,
    ),
    Scenario(
        name="sleep",
        about="every request sleeps 10 ms",
        app="sleep",
        expected_body=HELLO,
        threads=64,
    ),
    Scenario(
        name="sleep-256",
        about="every request sleeps 10 ms",
        app="sleep",
        expected_body=HELLO,
        connections=256,
        threads=256,
    ),
    Scenario(
        name="fast",
        about="a view that answers at once, nothing slow beside it",
        app="slow_and_fast",
        expected_body=HELLO,
        threads=SLOW_AND_FAST_THREADS,
    ),
    Scenario(
        name="fast-beside-slow",
        about="the same while 32 requests of 1 s each are in flight",
        app="slow_and_fast",
        expected_body=HELLO,
        threads=SLOW_AND_FAST_THREADS,
        beside=Crowd(kind="slow", count=32, path="/slow"),
    ),
    Scenario(
        name="active-32",
        about="hello over 32 connections, nothing beside them",
        app="hello",
        expected_body=HELLO,
        connections=32,
    ),
    Scenario(
        name="half-sent",
        about="hello beside 9,000 requests that are half sent",
        app="hello",
        expected_body=HELLO,
        connections=32,
        beside=Crowd(kind="half-sent", count=9_000),
    ),
    Scenario(
        name="idle-connections",
        about="hello beside 10,000 idle keep-alive connections",
        app="hello",
        expected_body=HELLO,
        beside=Crowd(kind="idle", count=10_000),
    ),
    Scenario(
        name="stream",
        about="a generator of 16 pieces of 1 KiB, no Content-Length",
        app="stream",
        expected_body=b"x" * (16 * KIB),
    ),
    Scenario(
        name="echo-1k",
        about="POST of 1 KiB, sent back",
        app="echo",
        method="POST",
        body=b"x" * KIB,
        expected_body=b"x" * KIB,
    ),
    Scenario(
        name="echo-100k",
        about="POST of 100 KiB, sent back",
        app="echo",
        method="POST",
        body=b"x" * (100 * KIB),
        expected_body=b"x" * (100 * KIB),
    ),
    Scenario(
        name="body-100k",
        about="a response of 100 KiB",
        app="body",
        expected_body=b"x" * (100 * KIB),
    ),
)

SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}

# What a browser sends along. HTTP servers differ in what a header costs, so there must be some.
BROWSER_HEADERS: Mapping[str, str] = {
    "Host": "localhost",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br",
    "Cookie": "session=eyJ1c2VyIjoxMjN9.aBcDeF.0123456789abcdef",
}


def request_bytes(scenario: Scenario, path: str = "") -> bytes:
    """The scenario's request, or one for `path`, as it goes over the wire, connection kept."""
    headers = dict(BROWSER_HEADERS)
    if scenario.body:
        headers["Content-Type"] = "application/octet-stream"
        headers["Content-Length"] = str(len(scenario.body))
    lines = [f"{scenario.method} {path or scenario.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + scenario.body
