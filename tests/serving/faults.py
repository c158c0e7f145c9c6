"""System calls of a running process that fail on request, by strace; judging is for the tests."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Injection:
    """Faults that are being injected; strace writes each call down."""

    log: Path

    @property
    def count(self) -> int:
        """How many calls have failed so far, or were shortened."""
        return self.log.read_text(errors="replace").count("(INJECTED)")


@contextmanager
def injected(process: int, call: str, fault: str, log: Path) -> Iterator[Injection]:
    """Let calls of every thread of the process fail; both are strace's words (`--inject`)."""
    strace = subprocess.Popen(
        [
            *("strace", "--follow-forks", f"--output={log}"),
            *(f"--trace={call}", f"--inject={call}:{fault}", f"--attach={process}"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert strace.stderr is not None
    try:
        attached = strace.stderr.readline()
        if "attached" not in attached:
            raise AssertionError(f"strace could not attach: {attached}")
        yield Injection(log)
    finally:
        strace.send_signal(signal.SIGINT)  # it lets go of the process, which goes on
        strace.communicate()


def may_trace() -> bool:
    """Whether this machine lets us trace our own processes; some containers permit no ptrace."""
    try:
        child = subprocess.Popen(["sleep", "60"])
    except OSError:
        return False
    try:
        strace = subprocess.Popen(
            ["strace", "--trace=none", "--output=/dev/null", f"--attach={child.pid}"],
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError:
        return False
    finally:
        child.terminate()
        child.wait()
    with strace:
        _, said = strace.communicate()
    return "Operation not permitted" not in said


def descriptors_of(process: int) -> int:
    """How many descriptors the process has open, but for what its own threads watch.

    The monitor has the state of at most one thread open, and the main thread makes a poller when
    its loop begins.
    """
    count = 0
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        try:
            name = str(descriptor.readlink())
        except FileNotFoundError:
            continue  # closed meanwhile
        count += not name.startswith(("/proc/", "anon_inode:[eventpoll]"))
    return count
