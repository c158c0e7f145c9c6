"""Table of the signals that the supervisor understands, and what each does; loop.py does it."""

from __future__ import annotations

from signal import Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

STOP = "stop gracefully"
STOP_AT_ONCE = "stop at once"
CHILD_ENDED = "see which worker has ended"
RELOAD = "read the settings again and replace the workers"
MORE_WORKERS = "run one worker more"
FEWER_WORKERS = "run one worker less, but one at least"
REOPEN_LOGS = "open log files again"
UPGRADE = "start a new server in the place of this one"

ACTIONS: Mapping[Signals, str] = {
    Signals.SIGTERM: STOP,
    Signals.SIGINT: STOP,
    Signals.SIGQUIT: STOP_AT_ONCE,
    Signals.SIGCHLD: CHILD_ENDED,
    Signals.SIGHUP: RELOAD,
    Signals.SIGUSR1: REOPEN_LOGS,
    Signals.SIGUSR2: UPGRADE,
    Signals.SIGTTIN: MORE_WORKERS,
    Signals.SIGTTOU: FEWER_WORKERS,
}

#: Blocked in the supervisor but while it waits for news, and in every worker. The terminal driver
#: sends SIGTTOU too, to a whole process group of which one writes in the background under `stty
#: tostop`: a process that has left it alone is stopped, and one that catches it tries again for
#: ever. One that has blocked it may write (tty_ioctl(4) has TOSTOP; __tty_check_change in Linux).
BLOCKED_WHILE_WRITING = (Signals.SIGTTOU,)

#: For a supervisor that does not do that: it leaves them alone.
HEARD_AT_ANY_TIME = tuple(number for number in ACTIONS if number not in BLOCKED_WHILE_WRITING)

#: Why a signal that other servers act on does nothing here.
REASONS_TO_IGNORE: Mapping[Signals, str] = {
    Signals.SIGUSR1: "there is no log_file and no access_log_file to open again",
}
