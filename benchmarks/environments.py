"""One virtual environment per peer under benchmarks/.environments, made on first use."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.peers import Peer

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".environments"
FLOOR = HERE / "floor"

# Apps run under every peer with exactly the versions of the environment that measures.
APP_PACKAGES = ("blinker", "click", "flask", "itsdangerous", "jinja2", "markupsafe", "werkzeug")


class CannotInstall(Exception):
    """A peer cannot be installed here; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Environment:
    """Where a peer's programs are: its interpreter, and the directory of its scripts."""

    python: Path
    scripts: Path


def environment_of(peer: Peer) -> Environment:
    """The environment of this peer, installed first when it is not there or its pins changed.

    Raises CannotInstall.
    """
    if peer.environment == "project":
        scripts = Path(sys.executable).parent
        return Environment(python=Path(sys.executable), scripts=scripts)
    if peer.environment == "floor":
        target = ENVIRONMENTS / "floor"
        build = ["cargo", "build", "--release", "--quiet", "--target-dir", str(target)]
        _run(build, f"building {FLOOR}", cwd=FLOOR)
        return Environment(python=Path(sys.executable), scripts=target / "release")
    return _virtual_environment(peer)


def _virtual_environment(peer: Peer) -> Environment:
    if peer.needs_header and not Path(peer.needs_header).exists():
        raise CannotInstall(
            f"{peer.name} needs {peer.needs_header} to build\n"
            f"hint: apt-get install {peer.debian_package}"
        )
    requirements = [*peer.requirements, *app_requirements()]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    root = ENVIRONMENTS / f"{peer.environment}-{version}"
    environment = Environment(python=root / "bin" / "python", scripts=root / "bin")
    stamp = root / "requirements.sha256"
    wanted = hashlib.sha256("\n".join(requirements).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return environment

    print(f"installing {' '.join(peer.requirements)} into {root}", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", str(root)], f"making {root}")
    pip = [str(environment.python), "-m", "pip", "install", "--quiet"]
    # bjoern's build from source needs setuptools, which new pips no longer bring along.
    _run([*pip, "--upgrade", "pip", "setuptools", "wheel"], f"preparing {root}")
    _run([*pip, *requirements], f"installing {peer.name}")
    stamp.write_text(wanted)
    return environment


def app_requirements() -> list[str]:
    """Flask and what it stands on, pinned to what is installed beside Trivet."""
    return [f"{package}=={metadata.version(package)}" for package in APP_PACKAGES]


def _run(command: list[str], doing: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotInstall(f"{doing}: {error.filename} is not installed") from error
    if done.returncode != 0:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise CannotInstall(f"{doing} failed\n{last_lines}")
