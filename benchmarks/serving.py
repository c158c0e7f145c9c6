"""One peer with one scenario's app, started and stopped; nothing here measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.environments import HERE, environment_of
from benchmarks.peers import Peer
from benchmarks.processes import RunningServer, free_port, start_server
from benchmarks.scenarios import Scenario

APPS = HERE / "apps"
LAUNCHERS = HERE / "launchers"

# With `pin`: the server has one CPU, the client the other, so neither waits for the other's.
SERVER_CPUS = {0}
CLIENT_CPUS = {1}


@contextmanager
def running(
    peer: Peer,
    scenario: Scenario,
    directory: Path,
    *,
    label: str = "",
    pin: bool = False,
    under: Sequence[str] = (),
) -> Iterator[RunningServer]:
    """One peer with one scenario's app on a free port, stopped at the end.

    `label` names its log in `directory`; `under` goes before the command (valgrind).
    Raises CannotInstall and ServerFailed.
    """
    port = free_port()
    server = start_server(
        [*under, *command_of(peer, scenario, port)],
        port=port,
        directory=APPS,
        log=directory / f"{label or peer.name}.log",
        cpus=SERVER_CPUS if pin else None,
        variables=peer.variables,
        start_seconds=120 if under else 20,
    )
    try:
        yield server
    finally:
        server.stop()


def command_of(peer: Peer, scenario: Scenario, port: int) -> list[str]:
    """The peer's command, its words filled in, its environment installed. Raises CannotInstall."""
    environment = environment_of(peer)
    words = {
        "python": str(environment.python),
        "bin": str(environment.scripts),
        "launchers": str(LAUNCHERS),
        "module": scenario.app,
        "port": str(port),
        "threads": str(scenario.threads),
        "connections": str(scenario.connections),
    }
    return [word.format_map(words) for word in peer.command]
