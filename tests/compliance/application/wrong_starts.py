"""Wrong calls of start_response and wrong bodies as data, for views and tests."""

from collections.abc import Mapping
from typing import Any

# Each is a call of start_response that the server must refuse, and must not write to the socket.
WRONG_STARTS: Mapping[str, tuple[Any, Any]] = {
    "a line feed in a header value": ("200 OK", [("X-Wrong", "a\nX-Injected: 1")]),
    "a carriage return in a header value": ("200 OK", [("X-Wrong", "a\rX-Injected: 1")]),
    "a NUL in a header value": ("200 OK", [("X-Wrong", "a\0b")]),
    "a space in a header name": ("200 OK", [("X Wrong", "1")]),
    "a colon in a header name": ("200 OK", [("X-Wrong: 1\tX", "1")]),
    "an empty header name": ("200 OK", [("", "1")]),
    "a carriage return in the status": ("200 OK\rX-Injected: 1", []),
    "a line feed in a header name": ("200 OK", [("X-Wrong\nX-Injected", "1")]),
    "a line feed in the status": ("200 OK\r\nX-Injected: 1", []),
    "a status without a number": ("OK", []),
    "a status that is not text": (200, []),
    "a status that is bytes": (b"200 OK", []),
    "a header value that is not text": ("200 OK", [("X-Wrong", 1)]),
    "a header name that is bytes": ("200 OK", [(b"X-Wrong", "1")]),
    "a header value beyond latin-1": ("200 OK", [("X-Wrong", "\u20ac")]),
    "headers that are no list": ("200 OK", None),
    "an escape in a header value": ("200 OK", [("X-Wrong", "\x1b[2J")]),
    "a header name with a space": ("200 OK", [("X-Wrong ", "1")]),
    "a NUL in the status": ("200 O\0K", []),
    "an interim status": ("100 Continue", []),
    "a switch of protocols": ("101 Switching Protocols", []),
    "a header of three parts": ("200 OK", [("X-Wrong", "a", "b")]),
    "a header that is a list": ("200 OK", [["X-Wrong", "a"]]),
    "headers that are a dict": ("200 OK", {"X-Wrong": "a"}),
    "a length that is no number": ("200 OK", [("Content-Length", "ten")]),
    "a negative length": ("200 OK", [("Content-Length", "-1")]),
    "a length with a sign": ("200 OK", [("Content-Length", "+10")]),
    "a length beyond 64 bits": ("200 OK", [("Content-Length", "18446744073709551626")]),
    "two lengths": ("200 OK", [("Content-Length", "10"), ("Content-Length", "11")]),
}

# What stands in the place of an iterable of bytes, or of one item.
WRONG_ITEMS: Mapping[str, Any] = {"text": "text", "None": None, "a number": 7, "a list": ["text"]}
