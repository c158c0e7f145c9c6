"""Read the corpus: the bytes of each case and its events; README.md here says what they mean."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

DIRECTORY = Path(__file__).parent

SIMPLE_ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
ESCAPE = re.compile(
    r"\\(?:x(?P<byte>[0-9A-Fa-f]{2})|\{(?P<count>\d+)\*(?P<text>[^}]*)\}|(?P<one>.))"
)

# Fields that come to an application under other names than HTTP_…, or not at all:
# crates/trivet-python/src/wsgi/environ.rs.
CGI_NAMES = {"CONTENT_TYPE": "CONTENT_TYPE", "CONTENT_LENGTH": "CONTENT_LENGTH"}
HIDDEN_NAMES = {"PROXY", "TRANSFER_ENCODING"}


@dataclass
class Request:
    """A request of a case, with its body so far; `is_whole` when all of it has come."""

    method: str
    target: str
    version: str = "HTTP/1.1"
    parts: dict[str, str] = field(default_factory=dict)
    fields: list[tuple[str, str]] = field(default_factory=list)
    data: bytes = b""
    closes: bool = False
    is_whole: bool = False

    def environ(self) -> dict[str, str]:
        """What PEP 3333 and RFC 3875 make of it, written down apart from the code under test."""
        path, _, query = self.target.partition("?")
        if "authority" in self.parts:
            path, query = self.parts.get("path", "/"), self.parts.get("query", "")
        elif self.target == "*":
            path = ""
        environ = {
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.target,
            "SERVER_PROTOCOL": self.version,
            "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": query,
        }
        for name, value in self.fields:
            variable = name.upper().replace("-", "_")
            if "_" in name or variable in HIDDEN_NAMES:
                continue
            variable = CGI_NAMES.get(variable, f"HTTP_{variable}")
            separator = "; " if variable == "HTTP_COOKIE" else ", "
            before = environ.get(variable)
            environ[variable] = value if before is None else before + separator + value
        if "authority" in self.parts:
            environ["HTTP_HOST"] = self.parts["authority"]
        return environ


@dataclass(frozen=True)
class Case:
    """One file. `events` are its lines after `---`, still with escapes."""

    name: str
    sent: bytes
    events: tuple[str, ...]

    @property
    def requests(self) -> list[Request]:
        """Every request whose head is whole."""
        found: list[Request] = []
        for event in self.events:
            word, _, rest = event.partition(" ")
            if word == "request":
                method, target, version = map(text, rest.split(" "))
                found.append(Request(method, target, version))
            elif word in ("path", "query", "authority"):
                found[-1].parts[word] = text(rest)
            elif word == "field":
                name, _, value = text(rest).partition(":")
                found[-1].fields.append((name, value.removeprefix(" ")))
            elif word == "data":
                found[-1].data = unescape(rest)
            elif word == "closes":
                found[-1].closes = True
            elif word == "end":
                found[-1].is_whole = True
        return found

    @property
    def rejection(self) -> int | None:
        """The status with which the last request is refused."""
        word, _, rest = self.events[-1].partition(" ")
        return int(rest.split(" ")[0]) if word == "reject" else None


def read_case(path: Path) -> Case:
    """Read one file. Raises ValueError when it is not of the form that README.md gives."""
    lines = path.read_text(encoding="ascii").splitlines()
    blank, rule = lines.index(""), lines.index("---")
    if not all(line.startswith("# ") for line in lines[:blank]) or rule + 1 == len(lines):
        raise ValueError(f"{path.name}: comment, empty line, bytes, ---, events")
    sent = b"".join(unescape(line) for line in lines[blank + 1 : rule])
    return Case(path.stem, sent, tuple(lines[rule + 1 :]))


def read_all() -> list[Case]:
    """Every case, by name."""
    return [read_case(path) for path in sorted(DIRECTORY.glob("*.case"))]


def unescape(line: str) -> bytes:
    """The bytes that a line stands for."""
    result, at = b"", 0
    for match in ESCAPE.finditer(line):
        result += line[at : match.start()].encode("ascii") + _one(match)
        at = match.end()
    return result + line[at:].encode("ascii")


def text(escaped: str) -> str:
    """The same as text, as PEP 3333 would have it: latin-1."""
    return unescape(escaped).decode("latin-1")


def _one(match: re.Match[str]) -> bytes:
    if match["byte"]:
        return bytes([int(match["byte"], 16)])
    if match["count"]:
        return int(match["count"]) * unescape(match["text"])
    return SIMPLE_ESCAPES[match["one"]]
