"""Requests and answers as data: what is sent, what is captured, what came back, what may vary."""

import json as json_format
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

# Every request names the same host, so that URLs in answers do not contain the port of the server.
HOST = "app.test"

BOUNDARY = "boundary-of-the-tests"


@dataclass(frozen=True)
class Variable:
    """A part of an application's answers that is another one each time, and why that is right."""

    expression: str
    replacement: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a multipart form; with a filename it is a file."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. At most one of body, form, json, parts and chunks is given.

    `status`: the status that is expected from every server. `capture`: names for what the
    first group of a regular expression finds in the answer's body; later requests use them as
    `${name}` in target, header values and form fields. Cookies are kept by the conversation.
    `variables`: what varies in this answer only.
    """

    target: str
    method: str = "GET"
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    form: Mapping[str, str] | None = None
    json: Any = None
    parts: Sequence[Part] = ()
    chunks: Sequence[bytes] = ()
    capture: Mapping[str, str] = field(default_factory=dict)
    variables: Sequence[Variable] = ()


@dataclass(frozen=True)
class Prepared:
    """A request in the bytes that a client sends; `chunks` is given in the place of `body`."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes | None
    chunks: Sequence[bytes]


@dataclass(frozen=True)
class Answer:
    """What a client got: header fields in order as they came, and the body without its framing."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


def prepare(request: Request, captured: Mapping[str, str], cookies: Mapping[str, str]) -> Prepared:
    """Fill in what was captured, add Host and cookies, and encode the body."""

    def fill(text: str) -> str:
        return string.Template(text).substitute(captured) if "${" in text else text

    headers = [("Host", HOST), *((name, fill(value)) for name, value in request.headers)]
    body = request.body
    if request.form is not None:
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        body = urlencode({name: fill(value) for name, value in request.form.items()}).encode()
    elif request.json is not None:
        headers.append(("Content-Type", "application/json"))
        body = json_format.dumps(request.json).encode()
    elif request.parts:
        headers.append(("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"))
        body = encode_parts(request.parts, fill)
    if cookies and not any(name.lower() == "cookie" for name, _ in headers):
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
    return Prepared(request.method, fill(request.target), headers, body, request.chunks)


def encode_parts(parts: Sequence[Part], fill: Any) -> bytes:
    """Return a multipart body (RFC 7578) with a boundary that is always the same."""
    encoded = b""
    for part in parts:
        disposition = f'form-data; name="{part.name}"'
        if part.filename is not None:
            disposition += f'; filename="{part.filename}"\r\nContent-Type: {part.content_type}'
        content = part.content if part.filename else fill(part.content.decode()).encode()
        encoded += f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
        encoded += content + b"\r\n"
    return encoded + f"--{BOUNDARY}--\r\n".encode()


def keep_cookies(cookies: dict[str, str], answer: Answer) -> None:
    """Take over the cookies that an answer sets; an empty or expired one is forgotten."""
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            cookie, _, attributes = value.partition(";")
            key, _, content = cookie.partition("=")
            if not content.strip('"') or re.search(r"max-age=0\b", attributes, re.IGNORECASE):
                cookies.pop(key, None)
            else:
                cookies[key] = content


def capture(request: Request, answer: Answer) -> dict[str, str]:
    """Return what the request's expressions find; one that finds nothing is an error."""
    found = {}
    for name, expression in request.capture.items():
        match = re.search(expression, answer.body.decode("utf-8", "replace"))
        assert match, f"{expression!r} is not in the answer to {request.method} {request.target}"
        found[name] = match[1]
    return found
