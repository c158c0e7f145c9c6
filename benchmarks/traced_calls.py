"""System calls as the kernel counts them, without stopping anybody: perf and its tracepoint."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from benchmarks.load import run_load
from benchmarks.processes import RunningServer
from benchmarks.scenarios import Scenario

TRACEPOINT = "raw_syscalls:sys_enter"
NEVER_RAN = "<not counted>"
TRACEFS = Path("/sys/kernel/tracing")


class CannotTrace(Exception):
    """perf cannot count system calls here; the message says why and what to do."""


def calls_under_load(
    server: RunningServer, scenario: Scenario, directory: Path, *, seconds: float
) -> float:
    """System calls per request of all the server's threads while wrk runs. Raises CannotTrace.

    Threads that start meanwhile are counted too, processes that start are not.
    """
    check_usable()
    counts = directory / "perf"
    pids = ",".join(map(str, server.tree()))
    # With -p and a command, perf counts the processes for as long as the command runs.
    perf = ["perf", "stat", "-x,", "-o", str(counts), "-e", TRACEPOINT, "-p", pids, "--"]
    load = run_load(scenario, port=server.port, seconds=seconds, directory=directory, under=perf)
    return count_of(counts.read_text()) / load.requests


def calls_at_rest(server: RunningServer, directory: Path, *, seconds: float) -> int:
    """System calls of all the server's threads while nobody asks anything. Raises CannotTrace."""
    check_usable()
    counts = directory / "perf"
    pids = ",".join(map(str, server.tree()))
    command = ["perf", "stat", "-x,", "-o", str(counts), "-e", TRACEPOINT, "-p", pids]
    subprocess.run([*command, "--", "sleep", str(seconds)], check=True, capture_output=True)
    return count_of(counts.read_text())


def count_of(perf_output: str) -> int:
    """The count in `perf stat -x,`'s output; ValueError when it is not there."""
    for line in perf_output.splitlines():
        if TRACEPOINT in line:
            # perf has no number for processes that never ran: they made no calls.
            count = line.split(",")[0]
            return 0 if count == NEVER_RAN else int(count)
    raise ValueError(f"no {TRACEPOINT} in: {perf_output[-300:]}")


@functools.cache
def check_usable() -> None:
    """Find out once whether perf can count; root mounts tracefs if need be. Raises CannotTrace."""
    if os.geteuid() == 0 and not (TRACEFS / "events").exists():
        subprocess.run(
            ["mount", "-t", "tracefs", "nodev", str(TRACEFS)], check=False, capture_output=True
        )
    try:
        tried = subprocess.run(
            ["perf", "stat", "-x,", "-e", TRACEPOINT, "true"], capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise CannotTrace("perf is not installed\nhint: apt-get install linux-perf") from error
    if tried.returncode != 0 or TRACEPOINT not in tried.stderr:
        reason = " ".join(tried.stderr.split())[:160]
        raise CannotTrace(f"perf cannot use {TRACEPOINT}: {reason}\nhint: be root, mount tracefs")
