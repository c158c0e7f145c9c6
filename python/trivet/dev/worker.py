"""The life of one worker of `trivet dev`: load the app or show why not, serve, hand over, leave.

All of it runs in the main thread. While the app is imported, that thread is the app's; afterwards
nothing runs there but the loop below. Requests are the engine's and its threads'.
"""

from __future__ import annotations

import faulthandler
import os
import selectors
import signal
import sys
import time
from functools import partial
from signal import Signals

from trivet.app.load import load_app
from trivet.app.whose_code import is_of_trivet
from trivet.dev import current_request, imported, messages
from trivet.dev.broadcast import Broadcast
from trivet.dev.current_request import watch_logging
from trivet.dev.debugger import (
    Debugger,
    import_error_application,
    plain_error_application,
    was_told,
)
from trivet.dev.failure import failure_of
from trivet.dev.fork import unblock_signals
from trivet.dev.hand_over import Channel, Connection
from trivet.dev.keyboard import borrow_for_input
from trivet.dev.load_failure import LoadFailure
from trivet.dev.messages import Link
from trivet.dev.refresh import Refresh
from trivet.dev.requests import Requests
from trivet.dev.views import noting_views
from trivet.engine.serve import Engine, print_error
from trivet.errors import TrivetError
from trivet.startup import Startup
from trivet.worker.main import end_with_the_supervisor
from trivet.worker.output import print_lines_at_once
from trivet.worker.signals import LOADING_SIGNALS, WORKER_ACTIONS, SignalInbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from trivet.dev.plan import DevPlan, Order
    from trivet.dev.report import Report
    from trivet.dev.session import DevSession

#: How long atexit functions and threads of the app may take.
LEAVE_SECONDS = 1.0

#: After the hand-over, streams are looked at this often.
LOOK_SECONDS = 0.1

JOIN_SECONDS = 0.2


def stacks_file(state_directory: Path, pid: int) -> Path:
    """Where a worker's stacks are written when it crashes or hangs while it loads."""
    return state_directory / f"stacks-{pid}.txt"


def stacks_of_the_app(text: str) -> str:
    """What faulthandler has written, without the frames that brought the app in."""
    kept = []
    for line in text.splitlines():
        file = line.partition('File "')[2].partition('"')[0]
        if not (file and (is_of_trivet(file) or file.startswith("<frozen "))):
            kept.append(line)
    return "\n".join(kept)


def run_dev_worker(
    order: Order,
    link_end: socket.socket,
    channel_end: socket.socket,
    plan: DevPlan,
    before: Sequence[str],
) -> tuple[int, float]:
    """Serve until told to go; the exit code, and the seconds that leaving may take.

    `before` are the modules that every process of this session has imported. Expects signals to be
    blocked, as they are after the fork.
    """
    link = Link(link_end)
    print_lines_at_once()
    inbox = SignalInbox(LOADING_SIGNALS)
    inbox.open()
    signal.signal(Signals.SIGTERM, signal.SIG_DFL)
    end_with_the_supervisor(link_end, True)
    unblock_signals()
    os.environ.update(plan.environment)
    borrow_for_input(link)
    broadcast = Broadcast(order.generation, order.changes)
    failed = order.failure is not None
    began = time.monotonic()
    if order.failure is not None:
        app = _stand_in(order.failure, plan, broadcast)
    else:
        app, failed = _load(order, plan, broadcast, link, before)
    seconds = time.monotonic() - began
    requests = Requests(
        _dressed(app, plan, broadcast, link), app, partial(link.send, messages.REQUEST)
    )
    engine = Engine(
        requests,
        plan.settings,
        plan.listeners,
        multiprocess=plan.settings.workers != 1,
        on_error=_print_untold,
    )
    for listener in plan.listeners:
        listener.close()
    inbox.claim((Signals.SIGTERM, Signals.SIGQUIT, Signals.SIGINT))
    end_with_the_supervisor(link_end, False)
    # Before the first request, as in production: that may never give the interpreter back.
    link.send(messages.READY, failed=failed, seconds=seconds)
    engine.start()
    loop = _Loop(plan, link, Channel(channel_end), engine, inbox, requests, broadcast)
    return loop.run()


def _print_untold(error: BaseException, environ: dict[str, Any] | None) -> None:
    """What the engine notices by itself, such as a body of the wrong length."""
    if not was_told(error):
        print_error(error, environ)


def _dressed(app: Any, plan: DevPlan, broadcast: Broadcast, link: Link) -> Any:
    session = plan.session

    def tell(report: Report, error: BaseException) -> None:
        failure = failure_of(
            error,
            session.project_roots,
            url=_url_of(report, session),
            hint=next(iter(report.hints), ""),
        )
        link.send(messages.EXCEPTION, **failure.to_data())

    debugger = Debugger(app, session, broadcast, on_report=tell)
    # Inside everything that holds the answer back: Flask forgets the view as soon as it returns.
    debugger.app = noting_views(app)
    return Refresh(debugger, session, broadcast)


def _url_of(report: Report, session: DevSession) -> str:
    """Where the page is kept."""
    if not session.urls or not report.number:
        return ""
    return f"{session.urls[0]}/-/trivet/errors/{report.number}"


def _stand_in(failure: dict[str, str], plan: DevPlan, broadcast: Broadcast) -> Any:
    return plain_error_application(LoadFailure(**failure), plan.session, broadcast)


def _load(
    order: Order, plan: DevPlan, broadcast: Broadcast, link: Link, before: Sequence[str]
) -> tuple[Any, bool]:
    """The app, or one that shows why it could not be loaded; whether that is so."""
    roots = [str(root) for root in plan.session.project_roots]
    path = stacks_file(plan.session.state_directory, os.getpid())
    error: BaseException | None = None
    watch_logging()
    noted = current_request.begin({})  # the page of a failed import shows what it has logged
    with path.open("w") as stacks:
        # A crash of C code leaves its stack here, and so does an import that does not end: the
        # supervisor reads it, for this process cannot tell any more.
        faulthandler.enable(stacks)
        faulthandler.dump_traceback_later(order.patience_seconds, file=stacks)
        try:
            app, ignored = _app_of(plan)
        except (TrivetError, KeyboardInterrupt) as raised:
            error = raised
        finally:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.enable()
            current_request.end()
    path.unlink(missing_ok=True)
    link.send(
        messages.LOADED,
        modules=imported.outside_modules(roots, before),
        names=imported.own_names(roots),
        files=imported.project_files(roots) + _files_of(error, roots),
    )
    if error is None:
        for call in ignored:
            link.send(messages.NOTE, text=f"{call}; ignored")
        return app, False
    cause = _of_the_app(error)
    reports: list[Report] = []
    page = import_error_application(
        cause,
        plan.session,
        broadcast,
        log_lines=noted.log_lines,
        on_report=lambda report, _: reports.append(report),
    )
    link.send(messages.FAILED, **_told(error, cause, roots, plan, reports[0]))
    return page, True


def _app_of(plan: DevPlan) -> tuple[Any, list[str]]:
    """The app, imported or taken from its script, and the `run()` calls that did nothing."""
    if plan.script is not None:
        from trivet.dev.script import load_script

        return load_script(plan.script)
    loaded = load_app(plan.choice, Startup(), environ=os.environ)
    return loaded.app, [f"{ignored.place} calls {ignored.call}" for ignored in loaded.ignored_runs]


def _of_the_app(error: BaseException) -> BaseException:
    """What the app raised: Trivet's own error tells of it in other words, and hides it."""
    return (error.__cause__ or error.__context__ or error) if _is_ours(error) else error


def _is_ours(error: BaseException) -> bool:
    return isinstance(error, TrivetError)


def _told(
    error: BaseException,
    cause: BaseException,
    roots: Sequence[str],
    plan: DevPlan,
    report: Report,
) -> dict[str, object]:
    """The failure as the terminal shows it, and whether the project's own code raised it."""
    hint = (error.hint or "") if isinstance(error, TrivetError) else ""
    failure = failure_of(
        cause,
        plan.session.project_roots,
        url=_url_of(report, plan.session),
        hint=next(iter(report.hints), hint),
    )
    frames = _frames(cause)
    last = frames[-1][0] if frames else ""
    if isinstance(cause, SyntaxError) and cause.filename:
        last = cause.filename
    # A library that raises may do so because it was imported in another order than the app's.
    in_project = not last or imported.is_project_file(last, roots)
    return {**failure.to_data(), "in_project": in_project}


def _frames(error: BaseException) -> list[tuple[str, int]]:
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<frozen importlib"):
            frames.append((file, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def _files_of(error: BaseException | None, roots: Sequence[str]) -> list[str]:
    """The project's files that an error has passed through, or that could not even be compiled."""
    files: dict[str, None] = {}
    while error is not None:
        if isinstance(error, SyntaxError) and error.filename:
            files[error.filename] = None
        files.update(dict.fromkeys(file for file, _ in _frames(error)))
        error = error.__cause__ or error.__context__
    return [
        file for file in files if os.path.isfile(file) and imported.is_project_file(file, roots)
    ]


class _Loop:
    """Serves until told to go or to stop. Used once."""

    def __init__(
        self,
        plan: DevPlan,
        link: Link,
        channel: Channel,
        engine: Engine,
        inbox: SignalInbox,
        requests: Requests,
        broadcast: Broadcast,
    ) -> None:
        self._plan = plan
        self._link = link
        self._channel = channel
        self._engine = engine
        self._inbox = inbox
        self._requests = requests
        self._broadcast = broadcast
        self._going_since: float | None = None
        self._stop_at_once = False
        self._told_that_it_left = False

    def run(self) -> tuple[int, float]:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._engine.fileno(), selectors.EVENT_READ, self._hear_engine)
            selector.register(self._inbox, selectors.EVENT_READ, self._hear_signals)
            selector.register(self._link, selectors.EVENT_READ, self._hear_supervisor)
            selector.register(self._channel, selectors.EVENT_READ, self._hear_channel)
            while not self._may_end():
                for key, _ in selector.select(self._patience_seconds()):
                    key.data()
                self._engine.give_memory_back()
                self._watch_channel()
                self._tell_that_it_left()
        self._engine.stop()
        self._engine.join(JOIN_SECONDS)
        # Leaving connections are in the channel's queue, or with the supervisor already.
        self._channel.close()
        return 0, LEAVE_SECONDS

    def _hear_engine(self) -> None:
        self._engine.handle_events()
        if self._engine.has_handed_over:
            for descriptor, about, received in self._engine.take_handed_over():
                self._channel.send(Connection(descriptor, about, received))

    def _hear_channel(self) -> None:
        for connection in self._channel.receive():
            self._engine.adopt(connection.descriptor, connection.about, connection.received)
        self._channel.flush()

    def _watch_channel(self) -> None:
        if self._channel.hung_up:
            if self._channel.socket in self._selector.get_map():
                self._selector.unregister(self._channel.socket)
            return
        wanted = selectors.EVENT_READ
        if self._channel.wants_to_send:
            wanted |= selectors.EVENT_WRITE
        if self._selector.get_key(self._channel).events != wanted:
            self._selector.modify(self._channel, wanted, self._hear_channel)

    def _hear_supervisor(self) -> None:
        for message in self._link.receive():
            if message.kind == messages.GO:
                self._go()
            elif message.kind == messages.CHANGED:
                kind = "css" if message.data["kind"] == "css" else "reload"
                news = {"kind": kind, "paths": message.data["paths"], "of": message.data["kind"]}
                self._broadcast.publish_change(news, int(str(message.data["number"])))
        if self._link.hung_up:
            # The supervisor has ended, however that happened: nobody takes connections any more.
            self._selector.unregister(self._link)
            self._drain()

    def _hear_signals(self) -> None:
        for number in self._inbox.read():
            if number == Signals.SIGTERM:
                self._drain()
            elif number == Signals.SIGQUIT:
                self._stop_at_once = True
            elif number not in WORKER_ACTIONS:
                sys.stderr.write(f"{number.name} means nothing here\n")

    def _go(self) -> None:
        """There is new code: part with every connection of which no request runs."""
        self._begin_to_end("cut")
        self._engine.hand_over()

    def _tell_that_it_left(self) -> None:
        if self._engine.stopped_accepting and not self._told_that_it_left:
            self._told_that_it_left = True
            self._link.send(messages.LEFT)

    def _drain(self) -> None:
        self._begin_to_end("end")
        self._engine.drain()

    def _begin_to_end(self, kind: str) -> None:
        if self._going_since is None:
            self._going_since = time.monotonic()
        self._broadcast.publish({"kind": kind})
        # Browsers that listen hold streams, which would have to be waited for.
        self._broadcast.close()

    def _may_end(self) -> bool:
        if self._stop_at_once:
            return True
        if self._going_since is None:
            return False
        self._engine.handle_events()
        if self._engine.drained:
            self._hear_engine()
            return not self._channel.wants_to_send or self._channel.hung_up
        seconds = time.monotonic() - self._going_since
        settings = self._plan.settings
        if seconds >= settings.graceful_timeout:
            return True
        return seconds >= settings.reload_grace and self._requests.unanswered == 0

    def _patience_seconds(self) -> float | None:
        return None if self._going_since is None else LOOK_SECONDS
