"""`trivet healthcheck [URL]`: exit code 0 when the server is ready; for images without curl.

Imports no HTTP library: it is run every few seconds, and a request and its status are two lines.
"""

from __future__ import annotations

import os
import socket

from trivet.cli.commands import HELP_WORDS, HelpWanted
from trivet.cli.output import complain, show
from trivet.errors import InvalidSetting, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.settings.table import Settings

#: Docker, Kubernetes and systemd have time limits of their own, often of a second or more.
TIMEOUT_SECONDS = 5.0
NOT_READY = 1

HELP = """\
Ask a server on this machine whether it is ready; exit code 0 when it is, 1 when it is not.

Usage: trivet healthcheck [URL] [flags of trivet serve]

Without a URL the address is found where `trivet serve` finds it: flags, variables, trivet.toml.
URL is http://HOST:PORT/PATH, or unix:/path/of.sock; without a path it is ready_path."""


class Target:
    """Whom to ask: a host and port, or the path of a Unix socket; and for what."""

    def __init__(self, host: str, port: int, unix_path: str, path: str) -> None:
        self.host = host
        self.port = port
        self.unix_path = unix_path
        self.path = path

    def __str__(self) -> str:
        return f"unix:{self.unix_path}" if self.unix_path else f"{self.host}:{self.port}"


def run(arguments: list[str]) -> int:
    """Ask once; the exit code."""
    if any(word in HELP_WORDS for word in arguments):
        raise HelpWanted(HELP)
    url = ""
    if arguments and not arguments[0].startswith("-"):
        url, *arguments = arguments
    target = target_of_url(url) if url else target_of_settings(read(arguments))
    try:
        status = ask(target)
    except OSError as error:
        complain(f"not ready: {target}: {error.strerror or error}")
        return NOT_READY
    if status != 200:
        complain(f"not ready: {target}{target.path} answered {status or 'what is no HTTP'}")
        return NOT_READY
    show("ready")
    return 0


def read(arguments: list[str]) -> Settings:
    from trivet.cli.serve import read_settings
    from trivet.supervisor.start import working_directory

    return read_settings(arguments, working_directory(), "healthcheck").settings


def target_of_settings(settings: Settings) -> Target:
    """Where `trivet serve` listens with these settings."""
    if not settings.ready_path:
        raise InvalidSetting(
            "ready_path is empty: this server has no check of readiness",
            hint="give the URL of a page that says whether the server is ready",
        )
    for address in settings.addresses:
        if address.path:
            return Target("", 0, address.path, settings.ready_path)
        if address.port:
            host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(
                address.host, address.host
            )
            return Target(host, address.port, "", settings.ready_path)
    raise InvalidSetting(
        "the settings do not say on which port the server listens",
        hint="give the URL, as in `trivet healthcheck http://127.0.0.1:8000/-/ready`",
    )


def target_of_url(url: str) -> Target:
    """Read http://HOST:PORT/PATH or unix:PATH. Raises UsageError."""
    from trivet.settings.table import SPECS

    ready_path = str(SPECS["ready_path"].default)
    if url.startswith("unix:"):
        return Target("", 0, url.removeprefix("unix:"), ready_path)
    scheme, found, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    if not found or scheme != "http" or (host and not port.isdigit()):
        raise UsageError(
            f"{url} is no address of a server",
            hint="write http://HOST:PORT/PATH, or unix:/path/of.sock",
        )
    if not host:
        host, port = authority, "80"
    return Target(host.strip("[]"), int(port), "", f"/{path}" if path else ready_path)


def ask(target: Target) -> int:
    """The status of the answer, 0 if it is none. Raises OSError."""
    request = f"GET {target.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connect(target) as connection:
        connection.sendall(request.encode("ascii"))
        received = b""
        while b"\r\n" not in received and len(received) < 4096:
            piece = connection.recv(4096)
            if not piece:
                break
            received += piece
    version, _, rest = received.partition(b" ")
    return int(rest[:3]) if version.startswith(b"HTTP/1.") and rest[:3].isdigit() else 0


def connect(target: Target) -> socket.socket:
    if not target.unix_path:
        return socket.create_connection((target.host, target.port), TIMEOUT_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_SECONDS)
    try:
        connection.connect(os.fspath(target.unix_path))
    except BaseException:
        connection.close()
        raise
    return connection
