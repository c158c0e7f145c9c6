"""Edit a project under one server again and again; how long until the new code answers."""

from __future__ import annotations

import http.client
import os
import signal
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environments import environment_of
from benchmarks.peers import Peer
from benchmarks.processes import free_port
from benchmarks.reload.project import Project

#: Between two requests of the client that watches.
PROBE_SECONDS = 0.005
#: A request that takes longer has failed, and an edit that does was never seen.
REQUEST_SECONDS = 5.0
EDIT_SECONDS = 15.0
START_SECONDS = 30.0

#: Between two edits: servers that look at times need the next one to be in another second.
PAUSE_SECONDS = 1.3


@dataclass
class Measured:
    """What was seen of one server in one scenario."""

    milliseconds: list[float] = field(default_factory=list)
    failed_requests: int = 0
    missed_edits: int = 0
    #: Why there are no numbers.
    problem: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.milliseconds) if self.milliseconds else None


def measure(peer: Peer, import_seconds: float, edits: int) -> Measured:
    """Start the server on a new project, edit it so often, stop it. Raises CannotInstall."""
    environment = environment_of(peer)
    with tempfile.TemporaryDirectory(prefix="reload-") as folder:
        project = Project(Path(folder), import_seconds)
        port = free_port()
        words = {
            "python": str(environment.python),
            "bin": str(environment.scripts),
            "port": str(port),
        }
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(
                [word.format_map(words) for word in peer.command],
                cwd=project.folder,
                env=_variables(project),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return _edit(project, port, edits)
            finally:
                _end(process)


def _variables(project: Project) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(project.installed), "PYTHONUNBUFFERED": "1"}


def _edit(project: Project, port: int, edits: int) -> Measured:
    measured = Measured()
    if _wait_for("first", port, START_SECONDS, Measured()) is None:
        measured.problem = f"no answer in {START_SECONDS:g} s"
        return measured
    for number in range(edits):
        time.sleep(PAUSE_SECONDS)
        project.save(f"edit {number}")
        seconds = _wait_for(f"edit {number}", port, EDIT_SECONDS, measured)
        if seconds is None:
            measured.missed_edits += 1
        else:
            measured.milliseconds.append(seconds * 1000)
    return measured


def _wait_for(value: str, port: int, patience: float, measured: Measured) -> float | None:
    """Ask until the answer is this one; the seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        answer = _ask(port)
        if answer == value:
            return time.monotonic() - began
        measured.failed_requests += answer is None
        time.sleep(PROBE_SECONDS)
    return None


def _ask(port: int) -> str | None:
    """The answer's body; None for whatever is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        body = response.read().decode()
        return body if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End everything that the server has started: it leads a group of its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
