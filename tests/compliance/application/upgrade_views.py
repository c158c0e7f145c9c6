"""Views that take the connection over from the server."""

from collections.abc import Iterable

from tests.compliance.application import journal
from tests.compliance.application.responses import Environ, Query, StartResponse, response


@response
def take_over(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """Answer an upgrade by hand and echo lines, as WebSocket libraries do with this socket."""
    connection = environ.get("werkzeug.socket")
    if connection is None:
        start_response("400 No Socket", [("Content-Length", "0")])
        return []
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
    )
    while line := connection.recv(1024):
        connection.sendall(b"echo " + line)
        if line == b"bye\n":
            break
    journal.record(query["key"], "left")
    return []
