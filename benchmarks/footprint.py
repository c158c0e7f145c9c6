"""What a server costs while it does nothing: time to start, memory, CPU at rest."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import check_answer
from benchmarks.environments import environment_of
from benchmarks.load import run_load
from benchmarks.memory import whole_pss_bytes, worker_pss_bytes
from benchmarks.peers import Peer
from benchmarks.processes import ServerFailed, free_port
from benchmarks.report import markdown
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.serving import APPS, command_of, running
from benchmarks.start import milliseconds_to_first_answer
from benchmarks.traced_calls import CannotTrace, calls_at_rest


@dataclass(frozen=True)
class AtRest:
    """A server that has nothing to do. System calls are None where they cannot be counted."""

    cpu_microseconds_per_second: float
    system_calls_per_second: float | None
    why_not_counted: str = ""


@dataclass(frozen=True)
class Footprint:
    """Start in ms above importing the app, PSS in bytes after a second of load, and the rest."""

    start_milliseconds: list[float]
    worker_bytes: int
    whole_bytes: int
    at_rest: AtRest


def start_above_import(peer: Peer, scenario: Scenario, *, times: int) -> list[float]:
    """Milliseconds from exec to the first 200, minus those of `python -c "import app"`.

    One difference for each of `times` pairs, each import measured next to its start; one pair
    before them fills the caches. Raises CannotInstall, ServerFailed.
    """
    python = str(environment_of(peer).python)
    differences = []
    for _ in range(times + 1):
        importing = _import_milliseconds(python, scenario)
        port = free_port()
        started = milliseconds_to_first_answer(
            command_of(peer, scenario, port), scenario, port=port, directory=APPS
        )
        differences.append(started - importing)
    return differences[1:]


def memory(peer: Peer, scenario: Scenario, *, times: int) -> list[tuple[int, int]]:
    """PSS of the worker and of all processes in bytes after a second of load, `times` times."""
    seen = []
    with tempfile.TemporaryDirectory(prefix="trivet-memory-") as name:
        for _ in range(times):
            with running(peer, scenario, Path(name)) as server:
                run_load(scenario, port=server.port, seconds=1, directory=Path(name))
                seen.append((worker_pss_bytes(server), whole_pss_bytes(server)))
    return seen


def at_rest(peer: Peer, scenario: Scenario, *, seconds: float) -> AtRest:
    """CPU time and system calls of a server that has answered once and then hears nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="trivet-idle-") as name,
        running(peer, scenario, Path(name)) as server,
    ):
        check_answer(server.port, scenario, twice=peer.keeps_connections)
        time.sleep(1)  # what the server still has to do after its start and the answer
        before = server.cpu_nanoseconds()
        time.sleep(seconds)
        used = (server.cpu_nanoseconds() - before) / 1e3 / seconds
        try:
            calls = calls_at_rest(server, Path(name), seconds=seconds)
        except CannotTrace as error:
            return AtRest(used, None, str(error))
    return AtRest(used, calls / seconds)


def footprint(peer: Peer, *, times: int, seconds: float) -> Footprint:
    """All of it with the hello app. Raises CannotInstall, ServerFailed, WrongAnswer."""
    scenario = SCENARIOS["hello"]
    worker, whole = memory(peer, scenario, times=1)[0]
    return Footprint(
        start_milliseconds=start_above_import(peer, scenario, times=times),
        worker_bytes=worker,
        whole_bytes=whole,
        at_rest=at_rest(peer, scenario, seconds=seconds),
    )


def footprints_table(measured: Sequence[tuple[str, Footprint | str]]) -> str:
    """A Markdown table; a peer that could not be measured has its reason instead of numbers."""
    heads = [
        "peer",
        "start above import ms (median)",
        "worker PSS MB",
        "all processes MB",
        "idle CPU µs/s",
        "idle system calls/s",
        "remark",
    ]
    lines = []
    for peer, seen in measured:
        if isinstance(seen, str):
            lines.append([peer, "", "", "", "", "", f"not measured: {' '.join(seen.split())}"])
            continue
        calls = seen.at_rest.system_calls_per_second
        lines.append(
            [
                peer,
                f"{sorted(seen.start_milliseconds)[len(seen.start_milliseconds) // 2]:.0f}",
                f"{seen.worker_bytes / 1e6:.1f}",
                f"{seen.whole_bytes / 1e6:.1f}",
                f"{seen.at_rest.cpu_microseconds_per_second:.0f}",
                "" if calls is None else f"{calls:.1f}",
                "",
            ]
        )
    return "\n".join([*markdown(heads, lines, text_columns=(0, 6)), ""])


def _import_milliseconds(python: str, scenario: Scenario) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", f"import {scenario.app}"], cwd=APPS, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise ServerFailed(f"{python} cannot import {scenario.app}\n{done.stderr}")
    return (time.perf_counter() - start) * 1e3
