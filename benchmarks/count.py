"""User instructions and system calls per request: numbers that the machine's load cannot move."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Client
from benchmarks.compare import running
from benchmarks.load import run_load
from benchmarks.peers import Peer
from benchmarks.processes import RunningServer
from benchmarks.report import markdown
from benchmarks.scenarios import Scenario

WARM_UP_REQUESTS = 512
# callgrind writes it into the dump that counts, and into no other.
DUMP_REASON = "requests-counted"


@dataclass(frozen=True)
class SystemCalls:
    """System calls per request, all and by name, while wrk kept the server busy."""

    per_request: float
    by_name: Mapping[str, float]


def count_instructions(scenario: Scenario, peer: Peer, *, requests: int) -> float:
    """User instructions per request over all the server's processes, by callgrind.

    The client goes in lockstep over the scenario's connections. Raises CannotInstall,
    ServerFailed, WrongAnswer, and RuntimeError when callgrind gives no numbers.
    """
    with tempfile.TemporaryDirectory(prefix="trivet-callgrind-") as name:
        directory = Path(name)
        valgrind = [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            "--trace-children=yes",
            f"--callgrind-out-file={directory}/callgrind.%p",
        ]
        with (
            running(peer, scenario, directory, under=valgrind) as server,
            Client(server.port, scenario, scenario.connections, timeout=120) as client,
        ):
            client.requests(WARM_UP_REQUESTS)
            _callgrind_control(server, "--zero")
            counted = client.requests(requests)
            _callgrind_control(server, f"--dump={DUMP_REASON}")
        total = sum(
            instructions_of(part.read_text())
            for part in directory.glob("callgrind.*")
            if DUMP_REASON in part.read_text()
        )
    if not total:
        raise RuntimeError(f"callgrind wrote no counts for {peer.name}")
    return total / counted


def count_system_calls(scenario: Scenario, peer: Peer) -> SystemCalls:
    """System calls per request of all the server's processes and threads, by strace.

    strace stops a thread at each call, so calls that wait for other threads (futex) are more
    than in production. Raises CannotInstall, ServerFailed, CalledProcessError.
    """
    with tempfile.TemporaryDirectory(prefix="trivet-strace-") as name:
        directory = Path(name)
        with running(peer, scenario, directory) as server:
            run_load(scenario, port=server.port, seconds=1, directory=directory)  # warms up
            summary = directory / "strace"
            attach = [word for pid in server.tree() for word in ("--attach", str(pid))]
            strace = subprocess.Popen(
                ["strace", "--follow-forks", "--summary-only", f"--output={summary}", *attach],
                stderr=subprocess.PIPE,
            )
            assert strace.stderr is not None  # it is a pipe
            strace.stderr.readline()  # "Process N attached"
            load = run_load(scenario, port=server.port, seconds=2, directory=directory)
            strace.send_signal(signal.SIGINT)
            strace.stderr.read()
            strace.wait()
        by_name = {
            call: calls / load.requests for call, calls in calls_of(summary.read_text()).items()
        }
    return SystemCalls(per_request=sum(by_name.values()), by_name=by_name)


def counts_table(
    scenario: Scenario, counted: Sequence[tuple[str, float | None, SystemCalls]]
) -> str:
    """A Markdown table: peer, instructions, system calls, and which calls they are."""
    heads = ["peer", "user instructions/request", "system calls/request", "which"]
    lines = [
        [
            peer,
            "" if instructions is None else f"{instructions:,.0f}",
            f"{calls.per_request:.2f}",
            ", ".join(
                f"{name} {count:.2f}"
                for name, count in sorted(calls.by_name.items(), key=lambda item: -item[1])
                if count >= 0.005
            ),
        ]
        for peer, instructions, calls in counted
    ]
    title = f"### {scenario.name}: {scenario.about}, {scenario.connections} connections"
    return "\n".join([title, "", *markdown(heads, lines, text_columns=(0, 3)), ""])


def instructions_of(callgrind_file: str) -> int:
    """The sum that callgrind writes at the end of a file; 0 when the file has none."""
    totals = re.findall(r"^(?:totals|summary): (\d+)", callgrind_file, re.MULTILINE)
    return int(totals[-1]) if totals else 0


def calls_of(strace_summary: str) -> dict[str, int]:
    """Calls by name from the table of `strace --summary-only`."""
    calls: dict[str, int] = {}
    for line in strace_summary.splitlines():
        words = line.split()
        # "% time, seconds, usecs/call, calls, [errors,] syscall"; rules and the sum are not rows.
        if len(words) in (5, 6) and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


def _callgrind_control(server: RunningServer, action: str) -> None:
    # The supervisor is under valgrind too; a launcher that has exec'ed keeps its pid.
    pids = [str(pid) for pid in server.tree()]
    subprocess.run(["callgrind_control", action, *pids], check=True, capture_output=True)
