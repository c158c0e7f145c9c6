"""A server as a subprocess in its own process group: start, wait, stop, leave nothing behind."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.serving.addresses import Address

# Generous, because a busy machine is no failure; a server that works needs a fraction.
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 30.0

# How long a wait for what sends no signal (a socket, a line of output) rests between looks.
# The wait itself ends at once when the process does.
LOOK_AGAIN_SECONDS = 0.01


# Under load the output holds a line for each of a million requests.
OUTPUT_SHOWN_CHARACTERS = 4_000


class ServerFailed(AssertionError):
    """The server ended, or did not do in time what was waited for; its output is in the message."""


class ServerProcess:
    """One running server. Its output goes to a file, so that it never waits for a reader."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        addresses: Sequence[Address],
        directory: Path,
        environment: Mapping[str, str],
        output_path: Path,
    ) -> None:
        self.command = list(command)
        self.addresses = list(addresses)
        self._output_path = output_path
        with output_path.open("wb") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own: cleaning up reaches all workers
            )

    @property
    def address(self) -> Address:
        return self.addresses[0]

    @property
    def url(self) -> str:
        return f"http://{self.address.authority}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return self._output_path.read_text(errors="replace")

    def wait_until_listening(self) -> None:
        """Return when every address takes connections."""
        for address in self.addresses:
            self.wait_until(functools.partial(takes_connections, address), f"{address} listens")

    def wait_for_output(self, pattern: str) -> re.Match[str]:
        """Return the first match of `pattern` in whole lines of the output.

        Of a line that is being written, a pid at its end could be read by half.
        """
        found: list[re.Match[str]] = []

        def look() -> bool:
            match = re.search(pattern, self.output[: self.output.rfind("\n") + 1])
            found[:] = [match] if match is not None else []
            return bool(found)

        self.wait_until(look, f"output matches {pattern!r}")
        return found[0]

    def wait_until(
        self,
        condition: Callable[[], object],
        description: str,
        timeout_seconds: float = START_TIMEOUT_SECONDS,
    ) -> None:
        """Return when the condition is true; fail when the server ends first or time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(LOOK_AGAIN_SECONDS)
                if condition():
                    return
                raise self.failure(f"ended with {self._process.returncode} before {description}")
            if time.monotonic() > deadline:
                raise self.failure(f"{timeout_seconds:g} s passed without: {description}")

    def signal(self, number: int) -> None:
        """Send a signal to the server's first process, as an init system does."""
        self._process.send_signal(number)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> int:
        """Return the exit code when the server has ended by itself."""
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise self.failure(f"still runs after {timeout_seconds:g} s") from None

    def stop(self) -> int:
        """Send TERM, wait for the end, and return the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def child_pids(self) -> list[int]:
        """Return the processes that the first one started and that live (Linux)."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def has_left_processes(self) -> bool:
        """Tell whether anything of the process group lives, after the first process has ended."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def clean_up(self) -> None:
        """End whatever is left of the process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_SECONDS)

    def failure(self, what: str) -> ServerFailed:
        output = self.output[-OUTPUT_SHOWN_CHARACTERS:]
        return ServerFailed(f"{' '.join(self.command)}\n{what}; the end of its output:\n{output}")


def takes_connections(address: Address) -> bool:
    try:
        address.connect().close()
    except OSError:
        return False
    return True
