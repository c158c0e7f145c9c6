"""Servers side by side: all are up, all but the one whose turn it is are stopped by SIGSTOP."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.client import WrongAnswer, check_answer
from benchmarks.crowd import SPARE_FILES, Beside, CrowdFailed, allow_open_files, beside
from benchmarks.environments import CannotInstall
from benchmarks.load import run_load
from benchmarks.memory import worker_pss_bytes
from benchmarks.peers import Peer
from benchmarks.processes import RunningServer, ServerFailed
from benchmarks.ratios import Turn
from benchmarks.scenarios import Scenario
from benchmarks.serving import CLIENT_CPUS, running

# What stays of a reason in tables; stderr has all of it.
REASON_LENGTH = 240
# Any of these takes a contestant out, with its message as the reason.
OUT = (CannotInstall, ServerFailed, WrongAnswer, CrowdFailed, subprocess.CalledProcessError)


@dataclass(frozen=True)
class Contestant:
    """One server under one load; the label is unique within a measurement."""

    label: str
    peer: Peer
    scenario: Scenario


@dataclass
class Measured:
    """The turns of each contestant in order, and why the others have none."""

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    # Of contestants with a crowd: how much the worker's PSS grew with each of its connections.
    bytes_per_crowd_connection: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ready:
    contestant: Contestant
    server: RunningServer
    directory: Path
    crowd: Beside


def interleave(
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    seconds: float,
    pin: bool = False,
    after_round: Callable[[], None] = lambda: None,
) -> Measured:
    """Measure each contestant `rounds` times for `seconds` in turn.

    A contestant that cannot be installed, does not start, answers wrongly, does not keep its
    crowd or dies is left out, and the reason kept. `after_round` runs while all are stopped.
    Blocks for about contestants × rounds × seconds.
    """
    measured = Measured()
    _allow_files_for(contestants)
    with tempfile.TemporaryDirectory(prefix="trivet-bench-") as name, ExitStack() as stack:
        ready: dict[str, _Ready] = {}
        for contestant in contestants:
            try:
                ready[contestant.label] = _prepare(contestant, stack, Path(name), measured, pin=pin)
            except OUT as error:
                _leave_out(measured, contestant, error)
        for number in range(rounds):
            # Each round begins with another: nobody always comes after the same neighbour.
            labels = [label for label in ready if label not in measured.left_out]
            start = number % max(1, len(labels))
            for label in labels[start:] + labels[:start]:
                try:
                    turn = _turn_of(ready[label], seconds=seconds, pin=pin)
                except OUT as error:
                    _leave_out(measured, ready[label].contestant, error)
                    continue
                measured.turns[label].append(turn)
                cpu = turn.cpu_microseconds_per_request
                print(f"{number + 1}/{rounds} {label}: {cpu:.1f} µs", file=sys.stderr)
            after_round()
        _check_crowds(ready, measured)
    return measured


def _allow_files_for(contestants: Sequence[Contestant]) -> None:
    # Before any server starts, because they inherit the limit. Who needs more than is allowed
    # says so itself.
    wanted = max(
        (one.scenario.beside.count for one in contestants if one.scenario.beside), default=0
    )
    with suppress(CrowdFailed):
        allow_open_files(wanted + SPARE_FILES)


def _check_crowds(ready: Mapping[str, _Ready], measured: Measured) -> None:
    for label in ready.keys() - measured.left_out.keys():
        try:
            ready[label].crowd.check()
        except CrowdFailed as error:
            _leave_out(measured, ready[label].contestant, error)


def _prepare(
    contestant: Contestant, stack: ExitStack, directory: Path, measured: Measured, *, pin: bool
) -> _Ready:
    """Start, check the answer, warm up, bring the crowd, stop. What it opens goes to `stack`."""
    peer, scenario = contestant.peer, contestant.scenario
    own = directory / contestant.label.replace("/", "-")
    own.mkdir()
    with ExitStack() as mine:
        server = mine.enter_context(running(peer, scenario, own, pin=pin))
        check_answer(server.port, scenario, twice=peer.keeps_connections)
        _load(server, scenario, own, seconds=1, pin=pin)  # warms up
        before = worker_pss_bytes(server)
        crowd = mine.enter_context(beside(server.port, scenario))
        if scenario.beside:
            grown = worker_pss_bytes(server) - before
            measured.bytes_per_crowd_connection[contestant.label] = grown / scenario.beside.count
        crowd.pause()
        server.freeze()
        stack.push(mine.pop_all())
    measured.turns[contestant.label] = []
    return _Ready(contestant, server, own, crowd)


def _turn_of(ready: _Ready, *, seconds: float, pin: bool) -> Turn:
    server = ready.server
    server.thaw()
    try:
        ready.crowd.resume()
        return _load(server, ready.contestant.scenario, ready.directory, seconds=seconds, pin=pin)
    finally:
        try:
            ready.crowd.pause()
        finally:
            server.freeze()


def _leave_out(measured: Measured, contestant: Contestant, error: Exception) -> None:
    measured.turns.pop(contestant.label, None)
    measured.bytes_per_crowd_connection.pop(contestant.label, None)
    measured.left_out[contestant.label] = str(error)[:REASON_LENGTH]
    print(f"left out {contestant.label}: {error}", file=sys.stderr)


def _load(
    server: RunningServer, scenario: Scenario, directory: Path, *, seconds: float, pin: bool
) -> Turn:
    before = server.cpu_nanoseconds()
    cpus = CLIENT_CPUS if pin else None
    load = run_load(scenario, port=server.port, seconds=seconds, directory=directory, cpus=cpus)
    used = server.cpu_nanoseconds() - before
    if not load.requests:
        raise ServerFailed(f"no request answered in {seconds:g} s\n{server.last_output()}")
    return Turn(
        requests=load.requests,
        seconds=load.seconds,
        cpu_seconds=used / 1e9,
        errors=load.errors,
        p50_seconds=load.p50_seconds,
        p99_seconds=load.p99_seconds,
    )
