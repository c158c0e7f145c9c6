"""From settings to a running `trivet dev`: find the app, bind, make the session, supervise.

The commands (`trivet dev`, `flask dev`, serve(app, dev=True)) differ in where the settings come
from, and call this.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from trivet.dev.plan import DevPlan
from trivet.dev.roots import project_roots
from trivet.dev.session import DevSession
from trivet.dev.supervisor import DevSupervisor
from trivet.dev.terminal import Terminal
from trivet.dev.watch import WatchPlan
from trivet.project.find_app import find_app
from trivet.startup import Startup
from trivet.supervisor.start import open_log, open_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.settings.resolve import Resolved

#: What workers of a Flask app need for `app.debug`, unless the user has said something: exceptions
#: reach the error page then, and templates are read again.
ENVIRONMENT = {"FLASK_DEBUG": "1"}


def run_dev(resolved: Resolved, directory: Path) -> int:
    """Serve for development until told to stop; the exit code.

    Raises TrivetError for what keeps the server from starting. An app that cannot be loaded does
    not: browsers see why, and the next save is another attempt.
    """
    began = time.monotonic()
    settings = resolved.settings
    choice = find_app(settings.app, directory, os.environ)
    workers = settings.workers if isinstance(settings.workers, int) else 1
    log = open_log(resolved)
    log.stream = None  # the terminal tells what there is to tell
    listeners = open_sockets(resolved, Startup(), log, workers)
    state_directory = Path(tempfile.mkdtemp(prefix="trivet-dev-"))
    terminal = Terminal()
    owner = os.getpid()
    try:
        roots = project_roots(directory, choice.directory_to_add)
        session = DevSession(
            token=secrets.token_urlsafe(24),
            state_directory=state_directory,
            project_roots=roots,
            console=True,
            console_off_reason="",
            locals_shown=True,
            refresh=True,
            editor=os.environ.get("TRIVET_EDITOR", ""),
            path_map=(),
            urls=tuple(listeners.urls),
            app_name=choice.name,
        )
        plan = DevPlan(
            settings=settings,
            session=session,
            choice=choice,
            listeners=listeners.sockets,
            environment={
                name: value for name, value in ENVIRONMENT.items() if name not in os.environ
            },
        )
        watch = WatchPlan(
            roots=roots,
            extra=settings.reload_extra_files,
            ignore=settings.reload_ignore,
            poll=settings.reload_poll,
        )
        terminal.started(app=choice.name, reason=choice.reason, urls=listeners.urls)
        supervisor = DevSupervisor(
            plan, watch if settings.reload else None, listeners, terminal, list(sys.modules), began
        )
        return supervisor.run()
    finally:
        if os.getpid() == owner:
            listeners.close()
            terminal.close()
            shutil.rmtree(state_directory, ignore_errors=True)
