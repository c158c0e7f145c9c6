"""Formats of the access log: their words, and gunicorn's format strings taken apart and checked.

The lines themselves are written by the engine, which gets the parts.
"""

from __future__ import annotations

from trivet.settings.kinds import Kind
from trivet.settings.nearest import did_you_mean, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

    #: What a part is, and a text for it: ("text", " "), ("value", "s"), ("request", "host").
    Part = tuple[str, str]

#: Formats that the engine writes by itself; `auto` is one of them, by log_format.
OWN_FORMATS = ("text", "json", "logfmt")

#: Formats by name that are format strings.
PRESETS: Mapping[str, str] = {
    "common": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s',
    "combined": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
}

WORDS = ("auto", *OWN_FORMATS, *PRESETS)

#: What may stand in %(…)s, and what it is replaced by. The names are gunicorn's, and the engine's.
VALUES: Mapping[str, str] = {
    "h": "the client's address, as `trusted_proxies` tell it; `unix` or `unknown` for none",
    "l": "`-`",
    "u": "the name that the client has given for HTTP Basic authentication, unchecked, or `-`",
    "t": "when the request was answered, in UTC: `[06/Nov/1994:08:49:37 +0000]`",
    "r": "method, target and protocol: `GET /cart?id=7 HTTP/1.1`",
    "m": "the method",
    "U": "the path as it was sent, without the query",
    "q": "the query, without its `?`",
    "H": "the protocol",
    "s": "the status",
    "B": "bytes of the body",
    "b": "the same, and `-` for none",
    "f": "the field Referer, or `-`",
    "a": "the field User-Agent, or `-`",
    "T": "the duration in whole seconds",
    "M": "the duration in whole milliseconds",
    "D": "the duration in microseconds",
    "L": "the duration in seconds with six digits after the point",
    "p": "the process in angle brackets: `<4711>`",
    "target": "the path with the query, as it was sent",
    "request_id": "the id of the request, also where `request_id` is off",
    "proxy_queue": "seconds in front of Trivet, as `X-Request-Start` of a proxy tells, or `-`",
}

#: Values that `d` may end in the place of `s`.
NUMBERS = ("s", "B", "T", "M", "D")

#: Variables of the environ that the engine knows without the application: value by name.
VARIABLES: Mapping[str, str] = {
    "remote_addr": "h",
    "request_method": "m",
    "path_info": "U",
    "query_string": "q",
    "server_protocol": "H",
    "request_uri": "target",
    "raw_uri": "target",
    "trivet.request_id": "request_id",
    "trivet.proxy_queue_seconds": "proxy_queue",
}

#: Variables of the environ that are fields of the request, beside HTTP_….
FIELD_VARIABLES: Mapping[str, str] = {
    "content_type": "content-type",
    "content_length": "content-length",
}

#: What letter stands after the braces, and what is in them.
BRACES = {"i": "request", "o": "answer", "e": "variable"}

TOKEN_MARKS = "!#$%&'*+-.^_`|~"


class AccessLogFormat(Kind):
    """A word, or a format string as gunicorn has it."""

    type = str
    placeholder = "FORMAT"
    expected = f"{', '.join(WORDS)}, or a format string such as '%(h)s %(r)s %(s)s'"

    def from_text(self, text: str) -> str:
        word = text.strip().lower()
        if word in WORDS:
            return word
        if "%" not in text:
            raise self.wrong()
        take_apart(text)
        return text

    def accepts(self, value: object) -> bool:
        try:
            return isinstance(value, str) and self.from_text(value) == value
        except ValueError:
            return False

    def correction(self, value: object) -> str | None:
        if not isinstance(value, str) or "%" in value:
            return None
        return nearest(value.strip().lower(), WORDS)

    def schema(self) -> dict[str, object]:
        return {"anyOf": [{"enum": list(WORDS)}, {"type": "string", "pattern": "%"}]}


def take_apart(format: str) -> tuple[Part, ...]:
    """The parts of a format string. Raises ValueError with the place of what is wrong."""
    parts: list[Part] = []
    text = ""
    at = 0
    while at < len(format):
        character = format[at]
        if character != "%":
            if not character.isprintable() and character != "\t":
                raise _fault(at, "is a control character, which may not stand in a line")
            text += character
            at += 1
        elif format.startswith("%%", at):
            text += "%"
            at += 2
        else:
            if text:
                parts.append(("text", text))
                text = ""
            end, part = _one_value(format, at)
            parts.append(part)
            at = end
    if text:
        parts.append(("text", text))
    if all(kind == "text" for kind, _ in parts):
        raise ValueError("which has no %(…)s: every line would be the same")
    return tuple(parts)


def _one_value(format: str, start: int) -> tuple[int, Part]:
    """The value that begins at `start` with a %, and where it ends."""
    if not format.startswith("%(", start):
        raise _fault(start, "begins nothing: expected %(…)s, or %% for a percent sign")
    close = format.find(")", start)
    if close < 0:
        raise _fault(start, "begins a %(…)s that has no closing parenthesis")
    name = format[start + 2 : close]
    part = _part(name, start)
    conversion = format[close + 1 : close + 2]
    if conversion == "d" and (part[0] != "value" or part[1] not in NUMBERS):
        raise _fault(start, f"%({name})d is no number: expected %({name})s")
    if conversion not in ("s", "d"):
        raise _fault(close + 1, f"expected an s after %({name}), without width or precision")
    return close + 2, part


def _part(name: str, at: int) -> Part:
    if name in VALUES:
        return "value", name
    if not name.startswith("{"):
        raise _fault(at, f"%({name})s is not known; there are {', '.join(VALUES)}, {_BRACED}")
    inside, closed, letter = name[1:].partition("}")
    if not closed or letter not in BRACES:
        raise _fault(at, f"%({name})s is not known; expected {_BRACED}")
    if not inside:
        raise _fault(at, f"%({name})s has no name between its braces")
    lower = inside.lower()
    if letter == "e":
        return _variable(inside, at)
    if not all((c.isascii() and c.isalnum()) or c in TOKEN_MARKS for c in lower):
        raise _fault(at, f"%({name})s: {inside} cannot be the name of a field")
    return BRACES[letter], lower


def _variable(name: str, at: int) -> Part:
    lower = name.lower()
    if lower in VARIABLES:
        return "value", VARIABLES[lower]
    if lower in FIELD_VARIABLES:
        return "request", FIELD_VARIABLES[lower]
    if lower.startswith("http_") and lower != "http_":
        return "request", lower[len("http_") :].replace("_", "-")
    known = [shown_variable(name) for name in (*VARIABLES, *FIELD_VARIABLES)]
    hint = did_you_mean(name.upper(), known)
    raise _fault(
        at,
        f"%({{{name}}}e)s is not known when a line is written: what the application puts into its "
        f"environ is not seen here; there are HTTP_… and {', '.join(known)}"
        + (f" ({hint})" if hint else ""),
    )


def shown_variable(name: str) -> str:
    """A variable as the environ has it."""
    return name if name.startswith("trivet.") else name.upper()


_BRACED = "%({NAME}i)s for a request field, %({NAME}o)s for a response field, %({NAME}e)s"


def _fault(at: int, what: str) -> ValueError:
    """Places are counted from 1, as editors do."""
    return ValueError(f"at character {at + 1}: {what}")
