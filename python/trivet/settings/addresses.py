"""Where to listen, as a value: the grammar of `--bind`. Opening sockets is not done here.

127.0.0.1:8000    one address and port           [::1]:8000      an IPv6 address, in brackets
:8000 or 8000     every address of the machine   example:8000    a name, resolved when binding
unix:PATH         a Unix socket                  fd://3          a socket that is already open
"""

from __future__ import annotations

from dataclasses import dataclass

from trivet.host import UNIX_PATH_LIMIT
from trivet.settings.kinds import Kind, Text

GRAMMAR = "HOST:PORT, [IPV6]:PORT, :PORT, unix:PATH or fd://NUMBER"


@dataclass(frozen=True)
class Address:
    """One place to listen: a Unix socket's `path`, an open `file_descriptor`, or `host` and `port`.

    An empty `host` means every address of the machine, IPv4 and IPv6. With port 0 the system
    chooses one.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    file_descriptor: int | None = None

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        if self.file_descriptor is not None:
            return f"fd://{self.file_descriptor}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read one address; raises ValueError with a clause that says what is wrong with it."""
    stripped = text.strip()
    for beginning, parse in _BEGINNINGS.items():
        if stripped.startswith(beginning):
            return parse(stripped[len(beginning) :])
    return _host_and_port(stripped)


def _host_and_port(text: str) -> Address:
    if "://" in text:
        raise ValueError(f"expected {GRAMMAR}, without {text.partition('://')[0]}://")
    if text.isdigit():
        return Address(port=_port(text))
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or not rest.startswith(":"):
            raise ValueError("expected an IPv6 address and a port, such as [::1]:8000")
        return Address(_host(host), _port(rest[1:]))
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(
            f"expected a port too, such as {text}:8000" if text else f"expected {GRAMMAR}"
        )
    if ":" in host:
        raise ValueError(f"expected brackets around an IPv6 address, such as [{host}]:{port}")
    return Address("" if host == "*" else _host(host), _port(port))


def _unix(path: str) -> Address:
    if not path:
        raise ValueError("expected a path after unix:, such as unix:/run/shop.sock")
    if path.startswith("@") or "\0" in path:
        raise ValueError("expected a path in the file system, not an abstract socket")
    length = len(path.encode("utf-8", "surrogateescape"))
    if length > UNIX_PATH_LIMIT:
        raise ValueError(
            f"its path is {length} bytes long, and this system allows {UNIX_PATH_LIMIT}"
        )
    return Address(path=path)


def _file_descriptor(text: str) -> Address:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("expected the number of an open socket after fd://, such as fd://3")
    return Address(file_descriptor=int(text))


# "unix:///run/x" before "unix:", which would take the slashes for part of the path.
_BEGINNINGS = {"unix://": _unix, "unix:": _unix, "fd://": _file_descriptor}


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise ValueError(f"its port is {text!r}, expected a number from 0 to 65535")
    return int(text)


def _host(text: str) -> str:
    complaint = reject_host(text)
    if complaint is not None:
        raise ValueError(complaint)
    return text


def reject_host(text: str) -> str | None:
    """What is wrong with a host, or None; whether it exists turns out when it is bound."""
    if any(character.isspace() or character in "/@[]?#" for character in text):
        return "expected a host name or an IP address, such as 127.0.0.1 or ::1"
    if text.count(":") == 1:
        return "expected a host without a port; --port gives the port, --bind gives both"
    return None


class AddressKind(Kind):
    """One place to listen."""

    type = Address
    expected = GRAMMAR
    placeholder = "ADDRESS"

    def from_text(self, text: str) -> Address:
        return parse_address(text)

    def from_file(self, value: object) -> Address:
        if isinstance(value, int) and not isinstance(value, bool):
            return parse_address(str(value))
        if isinstance(value, str):
            return parse_address(value)
        raise self.wrong()

    def from_keyword(self, value: object) -> Address:
        return value if isinstance(value, Address) else self.from_file(value)

    def accepts(self, value: object) -> bool:
        return isinstance(value, Address)

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "integer"]}


HOST = Text("a host name or an IP address", "HOST", reject=reject_host)
