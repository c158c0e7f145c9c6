"""Every server that is compared, how it is installed and started. Data only, run by `compare`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One server in one configuration.

    `command` is an argument list in which `{python}`, `{bin}`, `{port}`, `{threads}`,
    `{connections}`, `{module}` and `{launchers}` are filled in. Peers with the same `environment`
    share an installation; the environment "project" is the one that runs the benchmarks, "floor"
    is built by cargo.
    """

    name: str
    about: str
    environment: str
    command: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    needs_header: str = ""  # a C header its build needs, and
    debian_package: str = ""  # the package that has it
    variables: Mapping[str, str] = field(default_factory=dict)
    keeps_connections: bool = True
    canned: bool = False  # answers every request with the same bytes, without any app


_ALL = (
    Peer(
        name="trivet",
        about="one worker, default settings, no access log",
        environment="project",
        command=(
            "{python}", "-m", "trivet", "serve", "{module}:app",
            "--bind", "127.0.0.1:{port}", "--workers", "1", "--no-access-log",
        ),
    ),
    *(
        Peer(
            name=f"trivet-{threads}-threads",
            about=f"the same with --threads {threads}",
            environment="project",
            command=(
                "{python}", "-m", "trivet", "serve", "{module}:app",
                "--bind", "127.0.0.1:{port}", "--workers", "1", "--no-access-log",
                "--threads", str(threads),
            ),
            )
        for threads in (1, 32)
    ),
    Peer(
        name="gunicorn-gthread",
        about="one worker, threads as the scenario says",
        environment="gunicorn",
        requirements=("gunicorn==27.0.1",),
        command=(
            "{python}", "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1",
            "--threads", "{threads}", "--bind", "127.0.0.1:{port}", "--keep-alive", "75",
            # Peers are stopped for longer than gunicorn lets a worker be silent.
            "--timeout", "0", "--log-level", "warning", "{module}:app",
        ),
    ),
    Peer(
        name="gunicorn-sync",
        about="one worker; has no keep-alive, so each request is a connection",
        environment="gunicorn",
        requirements=("gunicorn==27.0.1",),
        command=(
            "{python}", "-m", "gunicorn", "--worker-class", "sync", "--workers", "1",
            "--bind", "127.0.0.1:{port}", "--timeout", "0", "--log-level", "warning",
            "{module}:app",
        ),
        keeps_connections=False,
    ),
    Peer(
        name="waitress",
        about="threads as the scenario says",
        environment="waitress",
        requirements=("waitress==3.0.2",),
        command=(
            "{bin}/waitress-serve", "--listen=127.0.0.1:{port}", "--threads={threads}",
            "{module}:app",
        ),
    ),
    Peer(
        name="granian",
        about="one worker, default settings",
        environment="granian",
        requirements=("granian==2.8.7",),
        command=(
            "{bin}/granian", "--interface", "wsgi", "--workers", "1", "--host", "127.0.0.1",
            "--port", "{port}", "--log-level", "warning", "{module}:app",
        ),
    ),
    Peer(
        name="granian-one-thread",
        about="one worker, --blocking-threads 1, as its authors measure it",
        environment="granian",
        requirements=("granian==2.8.7",),
        command=(
            "{bin}/granian", "--interface", "wsgi", "--workers", "1", "--blocking-threads", "1",
            "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning", "{module}:app",
        ),
    ),
    Peer(
        name="bjoern",
        about="one process, one thread, C",
        environment="bjoern",
        requirements=("bjoern==3.2.2",),
        needs_header="/usr/include/ev.h",
        debian_package="libev-dev",
        command=("{python}", "{launchers}/run_bjoern.py", "{module}", "{port}"),
    ),
    Peer(
        name="fastpysgi",
        about="one process, one thread, C",
        environment="fastpysgi",
        requirements=("fastpysgi==0.6",),
        command=("{python}", "{launchers}/run_fastpysgi.py", "{module}", "{port}"),
    ),
    Peer(
        name="freastal",
        about="one process, one thread, C",
        environment="freastal",
        requirements=("freastal==0.0.3",),
        command=("{python}", "{launchers}/run_freastal.py", "{module}", "{port}"),
    ),
    Peer(
        name="uwsgi",
        about="one process, --http11-socket; a kept connection owns a thread, so as many of them",
        environment="uwsgi",
        requirements=("uwsgi==2.0.31",),
        command=(
            "{bin}/uwsgi", "--http11-socket", "127.0.0.1:{port}", "--processes", "1",
            "--threads", "{connections}", "--listen", "1024", "--module", "{module}:app",
            "--need-app", "--disable-logging", "--master", "--die-on-term",
        ),
    ),
    Peer(
        name="flask-server",
        about="what `flask run` starts, a thread per connection; has no keep-alive",
        environment="flask-server",
        command=("{python}", "{launchers}/run_flask_server.py", "{module}", "{port}"),
        keeps_connections=False,
    ),
    Peer(
        name="floor",
        about="an epoll loop in Rust that answers with the same bytes: no parser, no app",
        environment="floor",
        command=("{bin}/floor", "{port}"),
        canned=True,
    ),
)  # fmt: skip  # a command reads as a command only when it is not one word a line

PEERS: Mapping[str, Peer] = {peer.name: peer for peer in _ALL}

# What is compared unless told otherwise.
DEFAULT_PEERS = (
    "trivet",
    "gunicorn-gthread",
    "waitress",
    "granian",
    "granian-one-thread",
    "bjoern",
    "fastpysgi",
    "freastal",
    "uwsgi",
    "flask-server",
    "floor",
)
