"""User instructions and system calls per request: numbers that the machine's load cannot move."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Client, WrongAnswer
from benchmarks.environments import CannotInstall
from benchmarks.load import run_load
from benchmarks.peers import Peer
from benchmarks.processes import RunningServer, ServerFailed, environment_variables
from benchmarks.report import markdown
from benchmarks.scenarios import Scenario
from benchmarks.serving import running
from benchmarks.traced_calls import CannotTrace, calls_under_load

WARM_UP_REQUESTS = 512
REMARK = (
    "perf counts what production does. strace stops a thread at each call, which looks like sleep "
    "to\nschedulers: its futex and getrusage counts are not those of production."
)
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


@dataclass(frozen=True)
class Counted:
    """One peer's counts; those that were not made are None, and `failed` says why all are."""

    peer: str
    instructions: float | None = None
    traced: float | None = None  # system calls per request by perf
    system_calls: SystemCalls | None = None  # by strace
    failed: str = ""


def count_peer(scenario: Scenario, peer: Peer, *, requests: int) -> Counted:
    """All counts of one peer; without callgrind when `requests` is 0.

    Does not raise for a peer that fails: the answer says why.
    """
    try:
        return Counted(
            peer.name,
            count_instructions(scenario, peer, requests=requests) if requests else None,
            _traced_calls(scenario, peer),
            count_system_calls(scenario, peer),
        )
    except (CannotInstall, ServerFailed, WrongAnswer, RuntimeError) as error:
        return Counted(peer.name, failed=" ".join(str(error).split()))
    except subprocess.CalledProcessError as error:
        return Counted(peer.name, failed=f"{error.cmd[0]} ended with {error.returncode}")


def counts_table(scenario: Scenario, counted: Sequence[Counted]) -> str:
    """A Markdown table: peer, instructions, system calls, and which calls they are."""
    heads = ["peer", "user instructions/request", "system calls (perf)", "(strace)", "which"]
    lines = [
        [
            one.peer,
            "" if one.instructions is None else f"{one.instructions:,.0f}",
            "" if one.traced is None else f"{one.traced:.2f}",
            "" if one.system_calls is None else f"{one.system_calls.per_request:.2f}",
            f"not measured: {one.failed}" if one.failed else _names(one.system_calls),
        ]
        for one in counted
    ]
    title = f"### {scenario.name}: {scenario.about}, {scenario.connections} connections"
    return "\n".join([title, "", *markdown(heads, lines, text_columns=(0, 4)), "", REMARK, ""])


def _names(calls: SystemCalls | None) -> str:
    return ", ".join(
        f"{name} {count:.2f}"
        for name, count in sorted(calls.by_name.items() if calls else (), key=lambda item: -item[1])
        if count >= 0.005
    )


def _traced_calls(scenario: Scenario, peer: Peer) -> float | None:
    with (
        tempfile.TemporaryDirectory(prefix="trivet-perf-") as name,
        running(peer, scenario, Path(name)) as server,
    ):
        run_load(scenario, port=server.port, seconds=1, directory=Path(name))  # warms up
        try:
            return calls_under_load(server, scenario, Path(name), seconds=2)
        except CannotTrace as error:
            print(error, file=sys.stderr)
            return None


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
    # In the server's environment: both meet at a pipe in the folder that TMPDIR names.
    environment = environment_variables()
    command = ["callgrind_control", action, *pids]
    subprocess.run(command, check=True, capture_output=True, env=environment)
