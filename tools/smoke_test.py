"""Does an installed Trivet work on this platform? Starts `trivet serve`, asks it once, stops it.

Standard library only, because it runs right after `pip install trivet-….whl`, on every target.
Usage: smoke_test.py; exit status 0 when all is well.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

APP = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""

START_SECONDS = 30
STOP_SECONDS = 30


def main() -> int:
    """Run the test once; what went wrong goes to stderr."""
    trivet = Path(sysconfig.get_path("scripts")) / "trivet"
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "app.py").write_text(APP)
        port = free_port()
        server = subprocess.Popen(
            [trivet, "serve", "app:app", "--bind", f"127.0.0.1:{port}", "--workers", "2"],
            cwd=directory,
        )
        try:
            wait_until_it_listens(server, port)
            status, body = post(port, b"hello")
            server.send_signal(signal.SIGTERM)
            exit_status = server.wait(STOP_SECONDS)
        finally:
            if server.poll() is None:
                server.kill()
    complaints = [
        complaint
        for is_wrong, complaint in (
            (status != 200, f"answered {status} instead of 200"),
            (body != b"hello", f"answered {body!r} instead of b'hello'"),
            (exit_status != 0, f"exited with {exit_status} after SIGTERM"),
        )
        if is_wrong
    ]
    for complaint in complaints:
        print(f"trivet on {sysconfig.get_platform()}: {complaint}", file=sys.stderr)
    if not complaints:
        print(f"trivet works on {sysconfig.get_platform()}, Python {sys.version.split()[0]}")
    return int(bool(complaints))


def post(port: int, body: bytes) -> tuple[int, bytes]:
    """Send a body; the status and the body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", body)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def wait_until_it_listens(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when the port accepts; SystemExit when the server ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None:
                raise SystemExit(f"trivet serve exited with {server.returncode}") from None
            if time.monotonic() > deadline:
                raise SystemExit(f"not listening after {START_SECONDS} s") from None
            time.sleep(0.05)


def free_port() -> int:
    """A free loopback port below the range of outgoing connections."""
    for port in range(15_000 + os.getpid() % 10_000, 32_768):
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit("no free port")


if __name__ == "__main__":
    sys.exit(main())
