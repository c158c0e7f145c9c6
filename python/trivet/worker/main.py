"""The life of one worker process from fork to exit: load the app, report, serve, leave.

Everything here runs in the main thread of a forked child. While the app is imported, that thread
is the app's, and what may interrupt it is only the default action of SIGTERM; afterwards signals,
the supervisor's end and the engine all wait for the loop in serving.py.
"""

from __future__ import annotations

import os
import signal
from copy import copy
from signal import Signals

# Before the fork: all workers share the pages of the compiled engine, and start sooner.
from trivet.engine.serve import Engine
from trivet.errors import TrivetBug, TrivetError
from trivet.worker.app_errors import AppErrors
from trivet.worker.hooks import WorkerHooks
from trivet.worker.late_requests import LateRequests, prepare_alarm
from trivet.worker.messages import (
    ANSWER,
    ASK,
    FAILED,
    NOT_READY,
    NOTE,
    READY,
    RETIRE,
    STOPPED_ACCEPTING,
    Message,
    encode,
)
from trivet.worker.open_files import has_run_out, too_few_files
from trivet.worker.output import print_lines_at_once
from trivet.worker.recycling import Recycling
from trivet.worker.serving import SUPERVISOR_LOST, ServingLoop
from trivet.worker.signals import LOADING_SIGNALS, WORKER_ACTIONS, SignalInbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from collections.abc import Callable, Sequence
    from typing import Any

    from trivet.app.hooks import Hooks
    from trivet.observe.access_log_file import AccessLogFile
    from trivet.observe.log import Log
    from trivet.observe.log_file import LogFile
    from trivet.settings.table import Settings
    from trivet.startup import Startup
    from trivet.worker.output import OwnOutput

    #: PEP 3333 describes what it does; no type can.
    WSGIApplication = Any

    #: The app, and what happened while it was loaded: names and fields of events.
    Loaded = tuple[WSGIApplication, list[tuple[str, dict[str, str]]]]

#: The last part of the graceful timeout, which a worker keeps for closing what it must cut and for
#: ending, so that the supervisor need not kill it: a quarter, at most half a second.
LEAVING_SHARE = 0.25
LEAVING_MOST_SECONDS = 0.5

#: How long atexit functions and threads of the app may take when no request was waited for.
LEAVE_SECONDS = 2.0
LEAVE_AT_ONCE_SECONDS = 0.1


class WorkerPlan:
    """What every worker of a server has in common; made once, before the first fork.

    `load` is called in the worker, after `prepare`, gets the app and raises TrivetError.
    `multiprocess` says whether there are other workers; `app_name` is what a person calls the app.
    With `preload` both are called in a process that forks the workers. `hooks` are functions of
    the user's.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        listeners: Sequence[socket.socket],
        load: Callable[[Startup], Loaded],
        startup: Startup,
        log: Log,
        multiprocess: bool,
        app_name: str,
        preload: bool = False,
        own_output: OwnOutput | None = None,
        prepare: Callable[[Startup], None] = lambda startup: None,
        hooks: Hooks | None = None,
        access_log: AccessLogFile | None = None,
    ) -> None:
        self.settings = settings
        self.listeners = listeners
        self.load = load
        self.startup = startup
        self.log = log
        self.multiprocess = multiprocess
        self.app_name = app_name
        self.preload = preload
        #: Where Trivet's own output goes, when that of workers is to be tagged.
        self.own_output = own_output
        self.prepare = prepare
        self.hooks = hooks
        #: The file of the access log, if it does not go to standard output.
        self.access_log = access_log

    @property
    def log_files(self) -> tuple[LogFile | AccessLogFile, ...]:
        """What USR1 opens again."""
        return tuple(file for file in (self.log.file, self.access_log) if file is not None)

    def reopen_logs(self) -> None:
        """Go on in the files that have the paths of the logs now."""
        self.log.reopen()
        if self.access_log is not None:
            self.log.reopen_beside(self.access_log)

    def loaded_already(self, loaded: Loaded) -> WorkerPlan:
        """The same plan for a process that was forked after the app had been loaded."""
        plan = copy(self)
        plan.load = lambda startup: loaded
        plan.prepare = lambda startup: None
        return plan


class Report:
    """Tells the supervisor how it goes. A supervisor that is gone is no reason to fail here."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link

    def send(self, kind: str, **data: object) -> None:
        try:
            self._link.sendall(encode(Message(kind, data)))
        except OSError:
            pass  # the loop hears of the loss by itself


def run_worker(
    number: int, link: socket.socket, plan: WorkerPlan, memory: memoryview | None = None
) -> tuple[int, float]:
    """Serve until told to stop; returns the exit code and the seconds that leaving may take.

    The engine counts in `memory`, which the supervisor reads.

    Expects signals to be blocked, as they are after the fork, and unblocks them.
    """
    report = Report(link)
    print_lines_at_once()
    # Never closed: until the process has ended, no signal may take its default action again.
    inbox = SignalInbox(LOADING_SIGNALS)
    inbox.open()
    signal.signal(Signals.SIGTERM, signal.SIG_DFL)
    end_with_the_supervisor(link, True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WORKER_ACTIONS)
    if memory is not None:
        plan.log.count_in(memory)
    if plan.preload:
        # The preload parent may have it open from before it was moved.
        plan.reopen_logs()
    hooks = WorkerHooks(plan.hooks, number)
    try:
        engine = _load(plan, report, memory, hooks, AppErrors(plan.log, worker=number))
    except TrivetError as error:
        end_with_the_supervisor(link, False)
        report_failure(report, error, plan.startup)
        return error.exit_code, LEAVE_SECONDS
    # Before the first request: from here on a signal ends nothing that has begun.
    # Without a log file SIGUSR1 is the app's, if it wants it.
    own = (Signals.SIGUSR1,) if plan.log_files else ()
    taken = inbox.claim((Signals.SIGTERM, Signals.SIGQUIT, Signals.SIGINT, *own))
    end_with_the_supervisor(link, False)
    for number_taken in taken:
        report.send(NOTE, event="signal-handler-replaced", fields={"signal": number_taken.name})
    return _serve(number, link, plan, engine, inbox, report, hooks)


def _load(
    plan: WorkerPlan,
    report: Report,
    memory: memoryview | None,
    hooks: WorkerHooks,
    errors: AppErrors,
) -> Engine:
    """The app in an engine that has not started."""
    try:
        _prepare(plan)
        hooks.run_at_start("post_fork")
        app, notes = plan.load(plan.startup)
        hooks.import_all()
        for event, fields in notes:
            report.send(NOTE, event=event, fields=fields)
        engine = Engine(
            app,
            plan.settings,
            plan.listeners,
            multiprocess=plan.multiprocess,
            on_error=errors.tell,
            on_other_protocol=plan.log.emit,
            memory=memory,
        )
        if plan.access_log is not None:
            engine.write_access_log_to(plan.access_log.fileno())
        elif plan.own_output is not None:
            engine.write_access_log_to(plan.own_output.access_log)
        # The engine has duplicates. A listener that is open anywhere goes on taking connections.
        for listener in plan.listeners:
            listener.close()
        hooks.run_at_start("post_worker_init")
    except TrivetError:
        raise
    except Exception as error:  # whatever escapes from here, the supervisor must hear of it
        raise _defect(error) from error
    return engine


def _prepare(plan: WorkerPlan) -> None:
    if plan.hooks is not None:
        from trivet.app.hooks import forget_modules_of_supervisor  # imported there already

        forget_modules_of_supervisor()
    plan.prepare(plan.startup)


def load_app(plan: WorkerPlan) -> Loaded:
    """Load the app and nothing more, for a process that does not serve. Raises TrivetError."""
    try:
        _prepare(plan)
        return plan.load(plan.startup)
    except TrivetError:
        raise
    except Exception as error:  # as above
        raise _defect(error) from error


def _defect(error: Exception) -> TrivetError:
    """What to tell of an exception that nothing here foresees; call it where it is handled."""
    if isinstance(error, OSError) and has_run_out(error):
        return too_few_files()
    import traceback

    return TrivetBug(
        f"starting a worker failed: {type(error).__name__}: {error}",
        hint="please report it, with the lines above",
        details=traceback.format_exc(),
    )


def report_failure(report: Report, error: TrivetError, startup: Startup) -> None:
    report.send(
        FAILED,
        name=error.name,
        what=error.what,
        hint=error.hint,
        details=error.details,
        startup=startup.to_dict(),
    )


def _serve(
    number: int,
    link: socket.socket,
    plan: WorkerPlan,
    engine: Engine,
    inbox: SignalInbox,
    report: Report,
    hooks: WorkerHooks,
) -> tuple[int, float]:
    def on_drain(cause: str) -> None:
        if cause == SUPERVISOR_LOST:
            if plan.own_output is not None:
                plan.own_output.put_back()
            plan.log.emit("supervisor-lost", worker=number, pid=os.getpid())

    def on_scarce(shed: int, held_back: int) -> None:
        plan.log.emit(
            "connections-scarce", worker=number, pid=os.getpid(), shed=shed, held_back=held_back
        )

    def retire(reason: str) -> None:
        report.send(RETIRE, reason=reason)

    recycling = Recycling(engine, plan.settings, retire)
    recycling.begin()

    def abort(reason: str) -> None:
        hooks.run("worker_abort", cause=reason)
        retire(reason)

    LateRequests(engine, plan.settings, plan.log, abort, worker=number)
    prepare_alarm(engine, plan.settings, link.fileno())

    def on_message(message: Message) -> None:
        if message.kind == ASK:
            from trivet.worker.answers import answer  # nobody may ever ask

            data = answer(str(message.data.get("about")), engine)
            report.send(ANSWER, number=message.data.get("number"), data=data)
        elif message.kind == NOT_READY:
            engine.withdraw_readiness()

    def on_reopen() -> None:
        plan.reopen_logs()
        if plan.access_log is not None:
            engine.write_access_log_to(plan.access_log.fileno())

    graceful_timeout = plan.settings.graceful_timeout
    patience = graceful_timeout - min(LEAVING_MOST_SECONDS, graceful_timeout * LEAVING_SHARE)
    loop = ServingLoop(
        engine,
        graceful_timeout=patience,
        inbox=inbox,
        actions=WORKER_ACTIONS,
        link=link,
        on_drain=on_drain,
        on_accepted_all=lambda: report.send(STOPPED_ACCEPTING),
        on_scarce=on_scarce,
        on_news=recycling.look,
        on_message=on_message,
        on_reopen=on_reopen,
        log=plan.log,
    )
    # In this order: the first request may take the interpreter and never give it back, and then
    # this thread would say nothing any more.
    report.send(READY)
    engine.start()
    outcome = loop.run()
    if outcome.cut:
        plan.log.emit(
            "connections-cut",
            connections=outcome.cut,
            seconds=outcome.drain_seconds,
            worker=number,
            pid=os.getpid(),
        )
    if outcome.stopped_at_once_by:
        hooks.run("worker_int")
    hooks.run("worker_exit")
    if outcome.stopped_at_once_by:
        return 0, LEAVE_AT_ONCE_SECONDS
    left = graceful_timeout - outcome.drain_seconds
    return 0, max(LEAVE_AT_ONCE_SECONDS, min(LEAVE_SECONDS, left))


def end_with_the_supervisor(link: socket.socket, wanted: bool) -> None:
    """While the app has the main thread, let the kernel end this process when the supervisor ends.

    The end of the link then arrives as SIGTERM, whose default action needs no cooperation of code
    that may hang in an import. Linux only (F_SETSIG in fcntl(2)); elsewhere a worker whose
    supervisor was killed notices when its app has loaded.
    """
    import fcntl

    if not hasattr(fcntl, "F_SETSIG"):
        return
    flags = fcntl.fcntl(link, fcntl.F_GETFL)
    if not wanted:
        fcntl.fcntl(link, fcntl.F_SETFL, flags & ~os.O_ASYNC)
        return
    fcntl.fcntl(link, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(link, fcntl.F_SETSIG, Signals.SIGTERM)
    fcntl.fcntl(link, fcntl.F_SETFL, flags | os.O_ASYNC)
    if has_ended(link):  # between the fork and the line above
        os.kill(os.getpid(), Signals.SIGTERM)


def has_ended(link: socket.socket) -> bool:
    """Whether the other side of a socket is gone; does not wait and takes nothing off it."""
    import socket

    try:
        return link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
