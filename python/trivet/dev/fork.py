"""Fork a process of `trivet dev` and live its life; what that is, is the caller's to say.

Runs in the supervisor, or in the warm parent: processes with one thread each.
"""

from __future__ import annotations

import os
import signal

from trivet.supervisor.signals import ACTIONS
from trivet.worker.leave import flush_standard_streams, leave_process
from trivet.worker.signals import WORKER_ACTIONS, forget_inherited_handlers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

#: Signals that a terminal sends to the whole group, and that are for the supervisor to judge.
OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP)


BUG_EXIT_CODE = 70


def fork_process(live: Callable[[], tuple[int, float]], close_in_child: Callable[[], None]) -> int:
    """Fork; the pid. `live` runs in the child and gives its exit code and its patience.

    Signals are blocked around the fork, so that none is taken by a child that still has its
    parent's handlers; `live` unblocks them. Raises OSError when the system has no process left.
    """
    flush_standard_streams()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {*ACTIONS, *WORKER_ACTIONS})
    try:
        pid = os.fork()
        if pid == 0:
            _live(live, close_in_child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return pid


def unblock_signals() -> None:
    """For a process that has its own handlers, or none, in place."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*ACTIONS, *WORKER_ACTIONS})


def leave_the_terminal_to_the_supervisor() -> None:
    """In a process that serves nobody: Ctrl-C is not for it. TERM ends it, as it does any other."""
    for number in OF_THE_TERMINAL[:3]:
        # A function and not SIG_IGN, which programs that the app starts would inherit.
        signal.signal(number, lambda *_: None)


def _live(live: Callable[[], tuple[int, float]], close_in_child: Callable[[], None]) -> NoReturn:
    """The child's whole life. Never returns, never raises: the stack below is its parent's."""
    exit_code, patience_seconds = BUG_EXIT_CODE, 0.0
    try:
        import atexit

        atexit._clear()
        forget_inherited_handlers(ACTIONS)
        close_in_child()
        exit_code, patience_seconds = live()
    except BaseException:  # noqa: BLE001 - our defect; it is told, and must not unwind
        import traceback

        traceback.print_exc()
    finally:
        leave_process(exit_code, patience_seconds, lambda hindrance: None)
