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
from dataclasses import replace
from pathlib import Path

from trivet.dev.console_policy import (
    console_link,
    console_notes,
    console_policy,
    refuse_in_production,
)
from trivet.dev.editor import parse_path_map
from trivet.dev.plan import DevPlan
from trivet.dev.roots import project_roots
from trivet.dev.screen import StartFacts
from trivet.dev.session import DevSession
from trivet.dev.supervisor import DevSupervisor
from trivet.dev.terminal import Terminal
from trivet.dev.watch import WatchPlan
from trivet.observe.log import Log
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
    refuse_in_production(os.environ)
    settings = resolved.settings
    console, why_no_console = console_policy(wanted=settings.console, lan=False, environ=os.environ)
    choice = find_app(settings.app, directory, os.environ)
    workers = settings.workers if isinstance(settings.workers, int) else 1
    # What a start has to say is on the start screen.
    listeners = open_sockets(resolved, Startup(), Log(None), workers)
    state_directory = Path(tempfile.mkdtemp(prefix="trivet-dev-"))
    terminal = Terminal(open_log(resolved), sys.stdin, show_requests=settings.access_log)
    owner = os.getpid()
    try:
        roots = project_roots(directory, choice.directory_to_add)
        session = DevSession(
            token=secrets.token_urlsafe(24),
            state_directory=state_directory,
            project_roots=roots,
            console=console,
            console_off_reason=why_no_console,
            locals_shown=True,
            refresh=True,
            editor=settings.editor,
            path_map=parse_path_map(settings.path_map),
            urls=tuple(listeners.urls),
            app_name=choice.name,
        )
        plan = DevPlan(
            # Each request is a line of the terminal, with the name of its view.
            settings=replace(settings, access_log=False),
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
        facts = StartFacts(
            urls=tuple(listeners.urls),
            app=choice.name,
            reason=choice.reason,
            workers=workers,
            threads=settings.threads,
            notes=(*resolved.notes, *console_notes(session)),
            open_url=console_link(session),
        )
        before = list(sys.modules)
        with terminal:
            return DevSupervisor(
                plan, watch if settings.reload else None, listeners, terminal, facts, before, began
            ).run()
    finally:
        if os.getpid() == owner:
            listeners.close()
            shutil.rmtree(state_directory, ignore_errors=True)
