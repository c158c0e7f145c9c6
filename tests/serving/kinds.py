"""The servers that tests can start, as a table: how each is called, and how it ends."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.serving.addresses import Address, UnixAddress


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to serve and where, in the words of no server.

    `python` is the interpreter whose environment has the application's packages; `target` is
    `module:attribute` or whatever the server takes in its place; `root_path` is the URL prefix.
    """

    python: Path
    target: str
    directory: Path
    addresses: Sequence[Address]
    workers: int = 1
    threads: int | None = None
    root_path: str = ""
    extra_arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ServerKind:
    """One row of the table. `exit_code_on_term`: what a stop with TERM is expected to give."""

    command: Callable[[Launch], list[str]]
    exit_code_on_term: int
    stops_gracefully: bool


def trivet_command(launch: Launch) -> list[str]:
    command = [str(launch.python), "-m", "trivet", "serve", launch.target]
    for address in launch.addresses:
        command += ["--bind", address.bind]
    command += ["--workers", str(launch.workers)]
    if launch.threads is not None:
        command += ["--threads", str(launch.threads)]
    if launch.root_path:
        command += ["--root-path", launch.root_path]
    return [*command, *launch.extra_arguments]


def waitress_command(launch: Launch) -> list[str]:
    """waitress has one process, and 4 threads unless told: the reference needs no more."""
    command = [str(launch.python), "-m", "waitress"]
    for address in launch.addresses:
        if isinstance(address, UnixAddress):
            command.append(f"--unix-socket={address.path}")
        else:
            command.append(f"--listen={address.bind}")
    if launch.threads is not None:
        command.append(f"--threads={launch.threads}")
    if launch.root_path:
        command.append(f"--url-prefix={launch.root_path}")
    return [*command, *launch.extra_arguments, launch.target]


KINDS: Mapping[str, ServerKind] = {
    "trivet": ServerKind(command=trivet_command, exit_code_on_term=0, stops_gracefully=True),
    # waitress leaves TERM to the kernel: version 3.0.2 installs no handler.
    "waitress": ServerKind(
        command=waitress_command, exit_code_on_term=-signal.SIGTERM, stops_gracefully=False
    ),
}

# The server whose answers the others must give.
REFERENCE = "waitress"

# What a server gets from the environment of the test run; settings in variables (PORT, TRIVET_*,
# FLASK_*, WEB_CONCURRENCY) of the developer's shell must not reach it.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")


def server_environment(trivet_folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a server. `trivet_folder` holds the package under test."""
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        "PYTHONPATH": str(trivet_folder),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # examples are started where they lie
        **extra,
    }
