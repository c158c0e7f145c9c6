"""Run peers side by side, interleaved: all are up, all but the one whose turn it is are stopped."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.client import WrongAnswer, check_answer
from benchmarks.environments import HERE, CannotInstall, environment_of
from benchmarks.load import run_load
from benchmarks.peers import Peer
from benchmarks.processes import RunningServer, ServerFailed, free_port, start_server
from benchmarks.ratios import Turn
from benchmarks.scenarios import Scenario

APPS = HERE / "apps"
LAUNCHERS = HERE / "launchers"

# With `pin`: the server has one CPU, the client the other, so neither waits for the other's.
SERVER_CPUS = {0}
CLIENT_CPUS = {1}


def compare(
    scenario: Scenario, peers: Sequence[Peer], *, rounds: int, seconds: float, pin: bool
) -> dict[str, list[Turn]]:
    """Measure each peer `rounds` times for `seconds` in turn; the turns of each, in order.

    A peer that cannot be installed, does not start, answers wrongly or dies is left out with a
    line on stderr that says why. Blocks for about peers × rounds × seconds.
    """
    turns: dict[str, list[Turn]] = {}
    with tempfile.TemporaryDirectory(prefix="trivet-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        servers: dict[str, RunningServer] = {}
        for peer in peers:
            if peer.canned and not scenario.canned:
                continue
            try:
                server = stack.enter_context(running(peer, scenario, directory, pin=pin))
                check_answer(server.port, scenario, twice=peer.keeps_connections)
                _one_turn(server, scenario, directory, seconds=1, pin=pin)  # warms up
            except (CannotInstall, ServerFailed, WrongAnswer) as error:
                print(f"{scenario.name}: left out {peer.name}: {error}", file=sys.stderr)
                continue
            server.freeze()
            servers[peer.name] = server
            turns[peer.name] = []
        for number in range(rounds):
            # Each round begins with another peer: nobody always comes after the same neighbour.
            start = number % max(1, len(servers))
            names = [*servers][start:] + [*servers][:start]
            for name in names:
                server = servers[name]
                server.thaw()
                turn = _one_turn(server, scenario, directory, seconds=seconds, pin=pin)
                server.freeze()
                turns[name].append(turn)
                cpu = turn.cpu_microseconds_per_request
                print(
                    f"{scenario.name} {number + 1}/{rounds} {name}: {cpu:.1f} µs", file=sys.stderr
                )
    return turns


@contextmanager
def running(
    peer: Peer, scenario: Scenario, directory: Path, *, pin: bool = False, under: Sequence[str] = ()
) -> Iterator[RunningServer]:
    """One peer with one scenario's app on a free port, stopped at the end.

    `under` goes before the command (valgrind). Raises CannotInstall and ServerFailed.
    """
    environment = environment_of(peer)
    port = free_port()
    words = {
        "python": str(environment.python),
        "bin": str(environment.scripts),
        "launchers": str(LAUNCHERS),
        "module": scenario.app,
        "port": str(port),
        "threads": str(scenario.threads),
    }
    server = start_server(
        [*under, *(word.format_map(words) for word in peer.command)],
        port=port,
        directory=APPS,
        log=directory / f"{peer.name}.log",
        cpus=SERVER_CPUS if pin else None,
        variables=peer.variables,
        start_seconds=120 if under else 20,
    )
    try:
        yield server
    finally:
        server.stop()


def _one_turn(
    server: RunningServer, scenario: Scenario, directory: Path, *, seconds: float, pin: bool
) -> Turn:
    before = server.cpu_nanoseconds()
    load = run_load(
        scenario,
        port=server.port,
        seconds=seconds,
        directory=directory,
        cpus=CLIENT_CPUS if pin else None,
    )
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
