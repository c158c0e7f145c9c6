"""How long a server takes from exec to its first answer; it is asked from the first moment on."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import RunningServer, ServerFailed, environment_variables
from benchmarks.scenarios import Scenario, request_bytes

START_SECONDS = 20.0
# Each try costs the other CPU about 50 µs; the answer is late by half of this on average.
BETWEEN_TRIES_SECONDS = 0.0005


def milliseconds_to_first_answer(
    command: Sequence[str], scenario: Scenario, *, port: int, directory: Path
) -> float:
    """Start the command, ask until "200" comes, stop it; the time from exec to the answer in ms.

    Raises ServerFailed when it ends, or does not answer within twenty seconds.
    """
    request = request_bytes(scenario)
    with tempfile.TemporaryDirectory(prefix="trivet-start-") as name:
        log = Path(name) / "log"
        with log.open("wb") as output:
            begun = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment_variables(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        server = RunningServer(process, port, log)
        try:
            while not _answers(port, request):
                if process.poll() is not None:
                    raise ServerFailed(f"exited with {process.returncode}\n{server.last_output()}")
                if time.perf_counter() - begun > START_SECONDS:
                    raise ServerFailed(f"no 200 in {START_SECONDS:g} s\n{server.last_output()}")
                time.sleep(BETWEEN_TRIES_SECONDS)
            return (time.perf_counter() - begun) * 1e3
        finally:
            server.stop()


def _answers(port: int, request: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as connection:
            connection.sendall(request)
            return connection.recv(4096).split(b" ", 2)[1:2] == [b"200"]
    except OSError:
        return False
