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

from trivet.dev.choices import (
    errors_in_words,
    framework_in_words,
    program_in_words,
    reach_in_words,
)
from trivet.dev.console_policy import (
    console_link,
    console_policy,
    refuse_in_production,
)
from trivet.dev.editor import parse_path_map
from trivet.dev.front import behind_https, bind_next_port, open_https_front
from trivet.dev.network import own_address, qr_code, visited_urls
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
    from collections.abc import Callable, Mapping, Sequence

    from trivet.dev.configuration import Configuration
    from trivet.dev.front import HttpsFront
    from trivet.dev.script import Script
    from trivet.settings.resolve import Resolved
    from trivet.settings.table import Settings
    from trivet.supervisor.listeners import Listeners

#: What workers of a Flask app need for `app.debug`, unless the user has said something: exceptions
#: reach the error page then, and templates are read again.
ENVIRONMENT = {"FLASK_DEBUG": "1"}


def run_dev(
    configuration: Configuration,
    directory: Path,
    *,
    script: Script | None = None,
    difference: Callable[[], str] = lambda: "",
) -> int:
    """Serve for development until told to stop; the exit code.

    `script` is the program to run in the place of an app to find; `difference` is the text of the
    key `d`.

    Raises TrivetError for what keeps the server from starting. An app that cannot be loaded does
    not: browsers see why, and the next save is another attempt.
    """
    began = time.monotonic()
    refuse_in_production(os.environ)
    resolved, files = configuration.reading.resolved, configuration.reading.files
    settings = resolved.settings
    choice = script.choice if script else find_app(settings.app, directory, os.environ)
    console, why_no_console = console_policy(
        wanted=settings.console, lan=settings.lan, environ=os.environ
    )
    workers = settings.workers if isinstance(settings.workers, int) else 1
    listeners = _open_listeners(resolved, workers)
    state_directory = Path(tempfile.mkdtemp(prefix="trivet-dev-"))
    log = open_log(resolved)
    terminal = Terminal(
        log,
        sys.stdin,
        show_static=settings.show_static,
        show_requests=settings.access_log,
        difference=difference,
    )
    owner = os.getpid()
    front: HttpsFront | None = None
    try:
        address = own_address() if settings.lan or settings.https else ""
        if settings.https:
            front = open_https_front(
                listeners, state_directory, address, os.environ, settings.backlog
            )
        urls = visited_urls(tuple(listeners.urls), "https" if settings.https else "http", address)
        session = DevSession(
            # 128 random bits, and the link fits into 80 columns.
            token=secrets.token_urlsafe(16),
            state_directory=state_directory,
            project_roots=project_roots(directory, choice.directory_to_add),
            console=console,
            console_off_reason=why_no_console,
            locals_shown=not settings.lan,
            refresh=settings.refresh,
            editor=settings.editor,
            path_map=parse_path_map(settings.path_map),
            urls=urls,
            app_name=choice.name,
        )
        plan = DevPlan(
            settings=_engine_settings(settings),
            session=session,
            choice=choice,
            script=script,
            listeners=(front.listeners if front else listeners).sockets,
            environment=_additions(os.environ),
        )
        watch = WatchPlan(
            roots=session.project_roots,
            extra=settings.reload_extra_files,
            ignore=settings.reload_ignore,
            configuration=configuration.paths,
            poll=settings.reload_poll,
        )
        notes = [*resolved.notes, *(front.notes if front else ())]
        notes += [note for note in (files.tip, program_in_words(directory)) if note]
        facts = StartFacts(
            urls=urls,
            app=choice.name,
            reason=choice.reason,
            workers=workers,
            threads=settings.threads,
            framework=framework_in_words(choice),
            environment=files.names,
            errors=errors_in_words(
                console=session.console, why_no_console=session.console_off_reason
            ),
            reach=reach_in_words(settings.host, lan=settings.lan),
            qr_code=qr_code(urls[-1], log.colour) if settings.lan and log.terminal else "",
            notes=tuple(notes),
            console_url=console_link(session),
            open_url=console_link(session),
        )
        before = list(sys.modules)
        with terminal:
            if settings.open:
                # Whoever comes before the first worker is ready waits in the listener's queue.
                terminal.open_page(urls[0])
            return DevSupervisor(
                plan,
                watch if settings.reload else None,
                Renewal(configuration, directory),
                front.alive if front else None,
                listeners,
                terminal,
                facts,
                before,
                began,
            ).run()
    finally:
        if os.getpid() == owner:
            listeners.close()
            if front is not None:
                front.close()
            shutil.rmtree(state_directory, ignore_errors=True)


class Renewal:
    """Makes the plan for the next workers, after files of settings or variables have changed."""

    def __init__(self, configuration: Configuration, directory: Path) -> None:
        self._configuration = configuration
        self._directory = directory

    def renew(self, plan: DevPlan, paths: Sequence[str]) -> tuple[DevPlan | None, tuple[str, ...]]:
        """The plan with the new values, None when it is as before; and what there is to tell.

        Changes the environment of this process, from which workers have theirs. Raises TrivetError
        for files that are wrong, and changes nothing then.
        """
        reading = self._configuration.read_again()
        refuse_in_production(reading.environ)
        change = self._configuration.compare(reading, paths)
        renewed = _renewed(plan, change.settings, self._directory, reading.environ)
        self._configuration.take(reading, change.settings, os.environ)
        return renewed if change.concerns_workers else None, change.notes


def _renewed(
    plan: DevPlan, settings: Settings, directory: Path, environ: Mapping[str, str]
) -> DevPlan:
    choice = plan.script.choice if plan.script else find_app(settings.app, directory, environ)
    console, why_no_console = console_policy(
        wanted=settings.console, lan=settings.lan, environ=environ
    )
    session = replace(
        plan.session,
        project_roots=project_roots(directory, choice.directory_to_add),
        console=console,
        console_off_reason=why_no_console,
        refresh=settings.refresh,
        editor=settings.editor,
        path_map=parse_path_map(settings.path_map),
        app_name=choice.name,
    )
    return replace(
        plan,
        settings=_engine_settings(settings),
        session=session,
        choice=choice,
        environment=_additions(environ),
    )


def _additions(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in ENVIRONMENT.items() if name not in environ}


def _open_listeners(resolved: Resolved, workers: int) -> Listeners:
    """Bind. What a start has to say is on the start screen."""
    silent = Log(None)
    if resolved.settings.port != "next" or resolved.settings.bind:
        return open_sockets(resolved, Startup(), silent, workers)

    def bind(settings: Settings) -> Listeners:
        return open_sockets(replace(resolved, settings=settings), Startup(), silent, workers)

    return bind_next_port(resolved.settings, bind)


def _engine_settings(settings: Settings) -> Settings:
    # Each request is a line of the terminal, with the name of its view.
    quiet = replace(settings, access_log=False)
    return behind_https(quiet) if settings.https else quiet
