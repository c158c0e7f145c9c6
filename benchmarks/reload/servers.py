"""Every development server that is compared, how it is installed and started. Data only."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.peers import Peer

_ALL = (
    Peer(
        name="trivet",
        about="trivet dev, default settings",
        environment="project",
        command=(
            "{python}", "-m", "trivet", "dev", "app:app", "--bind", "127.0.0.1:{port}",
        ),
    ),
    Peer(
        name="flask-run",
        about="flask run --debug, which looks at times (no watchdog)",
        environment="reload-flask",
        command=("{bin}/flask", "--app", "app", "run", "--debug", "--port", "{port}"),
    ),
    Peer(
        name="gunicorn",
        about="gunicorn --reload with inotify, one sync worker",
        environment="reload-gunicorn",
        requirements=("gunicorn==27.0.1", "inotify==0.2.12"),
        command=(
            "{python}", "-m", "gunicorn", "--workers", "1", "--bind", "127.0.0.1:{port}",
            "--reload", "--reload-engine", "inotify", "--log-level", "warning", "app:app",
        ),
    ),
    Peer(
        name="uvicorn",
        about="uvicorn --reload with watchfiles, WSGI interface",
        environment="reload-uvicorn",
        requirements=("uvicorn==0.54.0", "watchfiles==1.3.0"),
        command=(
            "{python}", "-m", "uvicorn", "--interface", "wsgi", "--port", "{port}", "--reload",
            "--log-level", "warning", "app:app",
        ),
    ),
    Peer(
        name="granian",
        about="granian --reload with watchfiles, WSGI interface",
        environment="reload-granian",
        requirements=("granian[reload]==2.8.7",),
        command=(
            "{bin}/granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}",
            "--reload", "--log-level", "warning", "app:app",
        ),
    ),
    Peer(
        name="hupper-waitress",
        about="hupper around waitress, as Pyramid's pserve --reload",
        environment="reload-hupper",
        requirements=("hupper==1.12.1", "waitress==3.0.2"),
        command=("{bin}/hupper", "-m", "waitress", "--listen=127.0.0.1:{port}", "app:app"),
    ),
)  # fmt: skip  # a command reads as a command only when it is not one word a line

SERVERS: Mapping[str, Peer] = {peer.name: peer for peer in _ALL}
