"""Serve in this very process, for serve(app) of a script: no fork, no supervisor; the same loop.

Runs in the thread that called serve(), which is the main thread in every ordinary script. The
script's own threads live on, as they would not in a forked worker.
"""

from __future__ import annotations

import os
import signal
import time

from trivet.worker.late_requests import LateRequests, prepare_alarm
from trivet.worker.output import print_lines_at_once
from trivet.worker.serving import ServingLoop
from trivet.worker.signals import SINGLE_PROCESS_ACTIONS, SignalInbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable

    from trivet.engine.serve import Engine
    from trivet.observe.log import Log
    from trivet.settings.table import Settings


def serve_here(
    engine: Engine,
    *,
    settings: Settings,
    log: Log,
    began: float,
    take_no_more: Callable[[], None],
    close_listeners: Callable[[], None],
) -> None:
    """Start the engine and return when it was told to stop and has stopped.

    SIGTERM and the first SIGINT stop it gracefully, SIGQUIT and a second SIGINT at once. Afterwards
    the signal handlers are those of before. `began`: when the start began, on the monotonic clock.
    """
    print_lines_at_once()
    inbox = SignalInbox(SINGLE_PROCESS_ACTIONS)
    try:
        inbox.open()
    except ValueError:
        # "signal only works in main thread": set_wakeup_fd and signal both refuse.
        log.emit("signals-unavailable")
        _serve(engine, None, settings, log, began, take_no_more, close_listeners)
        return
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SINGLE_PROCESS_ACTIONS)
        _serve(engine, inbox, settings, log, began, take_no_more, close_listeners)
    finally:
        inbox.close()


def _serve(
    engine: Engine,
    inbox: SignalInbox | None,
    settings: Settings,
    log: Log,
    began: float,
    take_no_more: Callable[[], None],
    close_listeners: Callable[[], None],
) -> None:
    LateRequests(engine, settings, log)
    prepare_alarm(engine, settings)

    def on_drain(cause: str) -> None:
        log.emit("stopping", cause=cause, seconds=settings.graceful_timeout)
        take_no_more()

    def on_scarce(shed: int, held_back: int) -> None:
        log.emit("connections-scarce", worker=1, pid=os.getpid(), shed=shed, held_back=held_back)

    loop = ServingLoop(
        engine,
        graceful_timeout=settings.graceful_timeout,
        drain_delay=settings.drain_delay,
        on_announced=lambda cause: log.emit(
            "stop-announced", cause=cause, seconds=settings.drain_delay
        ),
        inbox=inbox,
        actions=SINGLE_PROCESS_ACTIONS,
        on_drain=on_drain,
        on_accepted_all=close_listeners,
        on_scarce=on_scarce,
        log=log,
    )
    engine.start()
    log.emit("server-ready", seconds=time.monotonic() - began, pid=os.getpid())
    outcome = loop.run()
    if outcome.stopped_at_once_by:
        log.emit("stopping-at-once", cause=outcome.stopped_at_once_by)
    if outcome.cut:
        log.emit("connections-cut", connections=outcome.cut, seconds=outcome.drain_seconds)
    log.emit("stopped", seconds=outcome.drain_seconds)
