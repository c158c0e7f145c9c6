"""Starting a server under test, waiting until it answers, freezing it, and reading its CPU time.

Linux only: everything here is /proc, signals, and clocks of other processes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# States in /proc/PID/stat: stopped by a signal, zombie, dead; "" is no process (proc(5)).
STOPPED_OR_GONE = frozenset({"T", "Z", "X", ""})


class ServerFailed(Exception):
    """A server did not start, or died while it was measured; the message has its last output."""


@dataclass
class RunningServer:
    """A server's first process and everything that it has started."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def tree(self) -> list[int]:
        """The pids of the server's processes, parents before children."""
        return process_tree(self.process.pid)

    def freeze(self) -> None:
        """Stop every process with SIGSTOP, parents first, so that none acts on a silent child.

        Returns when all have stopped. Raises ServerFailed when one does not.
        """
        pids = self.tree()
        _signal_all(pids, signal.SIGSTOP)
        deadline = time.monotonic() + 2.0
        while not all(state_of(pid) in STOPPED_OR_GONE for pid in pids):
            if time.monotonic() > deadline:
                raise ServerFailed(f"a process of {pids} does not stop at SIGSTOP")
            time.sleep(0.001)  # a grandchild's stop is told to its parent, not to us

    def thaw(self) -> None:
        """Let every process go on, children first."""
        _signal_all(self.tree()[::-1], signal.SIGCONT)

    def cpu_nanoseconds(self) -> int:
        """CPU time used until now by all its processes, those of its ended threads included.

        Raises ServerFailed when the server is gone.
        """
        if self.process.poll() is not None:
            raise ServerFailed(f"exited with {self.process.returncode}\n{self.last_output()}")
        return sum(cpu_nanoseconds(pid) for pid in self.tree())

    def last_output(self) -> str:
        """The last lines that the server wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])

    def stop(self) -> None:
        """End all its processes: politely, then by force after five seconds."""
        self.thaw()
        pids = self.tree()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            _signal_all(pids, signal.SIGKILL)
            self.process.wait()


def start_server(
    command: Sequence[str],
    *,
    port: int,
    directory: Path,
    log: Path,
    cpus: set[int] | None = None,
    variables: Mapping[str, str] | None = None,
    start_seconds: float = 20.0,
) -> RunningServer:
    """Start a server and return once its port accepts connections.

    `cpus` pins it, with all that it starts; `variables` come on top of environment_variables().
    Raises ServerFailed.
    """
    pinned = ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus)))] if cpus else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*pinned, *command],
            cwd=directory,
            env=environment_variables(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    server = RunningServer(process, port, log)
    deadline = time.monotonic() + start_seconds
    while not _accepts(port):
        if process.poll() is not None:
            raise ServerFailed(f"exited with {process.returncode}\n{server.last_output()}")
        if time.monotonic() > deadline:
            output_until_now = server.last_output()
            server.stop()
            raise ServerFailed(f"not listening after {start_seconds:g} s\n{output_until_now}")
        time.sleep(0.01)  # a foreign server gives no other sign that it listens
    return server


def environment_variables(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The same small environment for every server, because some copy it into each request."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        # The same dict and set orders in each run (facts for callgrind's repeatability).
        "PYTHONHASHSEED": "0",
        **(more or {}),
    }


def free_port() -> int:
    """A loopback port that nothing listens on, below the range of outgoing connections."""
    for port in range(20_000 + os.getpid() % 5_000, 32_768):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                candidate.bind(("127.0.0.1", port))
                return port
    raise ServerFailed("no free port between 20000 and 32767")


def process_tree(root: int) -> list[int]:
    """`root` and its descendants, parents before children; processes that ended are left out."""
    found = [root]
    for pid in found:
        for task in _listed(Path(f"/proc/{pid}/task")):
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def state_of(pid: int) -> str:
    """The letter of the process's state in /proc/PID/stat; "" when it is gone."""
    try:
        # The name before it is in parentheses and may have spaces and parentheses itself.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def cpu_nanoseconds(pid: int) -> int:
    """CPU time of one process, 0 when it is gone.

    A process's CPU clock is `~pid << 3 | CPUCLOCK_SCHED` (what clock_getcpuclockid(3) returns):
    exact to the nanosecond where /proc/PID/stat counts ticks of 10 ms, and with the time of
    threads that have ended, which /proc/PID/task/*/schedstat loses.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return 0


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
