"""One worker as its supervisor sees it: fork it, hear it, signal it, reap it; others decide.

All of it runs in the supervisor's only thread, but for `live_as_worker`, which is the child's.
A pid stays the child's own until waitpid() has returned it, and only `reap` calls that: no signal
can reach another process that got the same number.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial

from trivet.supervisor.signals import ACTIONS
from trivet.worker.leave import flush_standard_streams, leave_process
from trivet.worker.main import run_worker
from trivet.worker.messages import LineBuffer, decode, encode
from trivet.worker.signals import WORKER_ACTIONS, forget_inherited_handlers

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Sequence
    from signal import Signals
    from typing import NoReturn

    from trivet.observe.shared_memory import Region
    from trivet.worker.main import WorkerPlan
    from trivet.worker.messages import Message
    from trivet.worker.output import OutputEnds

#: The exit code of a worker that failed inside Trivet: EX_SOFTWARE of sysexits.h.
BUG_EXIT_CODE = 70

#: A reader of the log that has fallen behind is waited for no longer when a worker ends: a part
#: of what the supervisor waits before it kills.
LAST_WORDS_SECONDS = 0.2


class Child:
    """A worker process. `number` is its place among the workers, which its successor gets too."""

    def __init__(
        self,
        number: int,
        pid: int,
        link: socket.socket,
        plan: WorkerPlan,
        region: Region | None = None,
    ) -> None:
        self.number = number
        self.plan = plan
        self.pid = pid
        self.link = link
        #: Where it counts.
        self.region = region
        self.started = time.monotonic()
        self.ready = False
        self.stopped_accepting = False
        self.told_to_stop = False
        self.killed = False
        #: When it is killed if it has not ended by then, on the monotonic clock.
        self.kill_at: float | None = None
        #: How long it had until then, when it was told to leave.
        self.grace_seconds = 0.0
        #: That of the plan it was started with; see the supervisor.
        self.generation = 1
        #: The failure to load was reported; the process is about to end.
        self.failed = False
        self.hung_up = False
        #: Something holds its interpreter: it hears no signal but SIGKILL.
        self.stuck = False
        #: That it takes long to load was told.
        self.slow_told = False
        self._lines = LineBuffer()

    @property
    def lived_seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def is_loading(self) -> bool:
        return not (self.ready or self.failed or self.told_to_stop)

    def hear(self) -> list[Message]:
        """The messages that have come since. Sets `hung_up` when no more can come.

        That is no proof of the process's end, which only reap() knows: a worker may close its
        side early, and a process that the app forked may hold it open.
        """
        received: list[Message] = []
        while not self.hung_up:
            try:
                data = self.link.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""  # a reset is an end like any other
            self.hung_up = not data
            received += [decode(line) for line in self._lines.feed(data)]
        return received

    def tell(self, message: Message) -> bool:
        """Send a short message down; false when the worker takes none, which is no error here."""
        try:
            line = encode(message)
            return self.link.send(line) == len(line)
        except OSError:
            return False

    def send_signal(self, number: Signals) -> None:
        """Signal the process, which may be a zombie by now; then nothing happens."""
        signal_process(self.pid, number)

    def reap(self) -> tuple[bool, int | None]:
        """Whether the process has ended, and its wait status (None if somebody else took it)."""
        return reap_process(self.pid)


def signal_process(pid: int, number: Signals) -> None:
    """Signal a child that is not known to have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # something else in this process has reaped it; reap_process() will find that out


def reap_process(pid: int) -> tuple[bool, int | None]:
    """Whether a child has ended, and its wait status (None if somebody else took it)."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True, None
    return ended == pid, status


def start_child(
    number: int,
    plan: WorkerPlan,
    siblings: Sequence[Child],
    close_in_child: Callable[[], None],
    region: Region | None = None,
    ends: OutputEnds | None = None,
) -> Child:
    """Fork a worker. Raises OSError when the system has no process or no descriptors left.

    It counts in `region`, and prints to `ends` if there are any. `siblings` are the children that
    live now: their links are the supervisor's alone. Signals are blocked around the fork, so that
    none is taken by a child that still has its parent's handlers.
    """

    def live(link: socket.socket, blocked: set[Signals | int]) -> None:
        run = partial(run_worker, memory=None if region is None else region.view)
        live_as_worker(number, link, plan, blocked, close_in_child, run, ends)

    pid, link = fork_with_link(siblings, live)
    return Child(number, pid, link, plan, region)


def fork_with_link(
    siblings: Sequence[Child], live: Callable[[socket.socket, set[Signals | int]], None]
) -> tuple[int, socket.socket]:
    """Fork a process that calls `live` with its end of a link, which must not return.

    The other argument is which signals were blocked before. Returns the pid and our end.
    """
    ours, theirs = socket.socketpair()
    # Output that waits in a buffer would be written by both processes.
    flush_standard_streams()
    # What the child may be sent from outside, and what the parent listens for.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {*ACTIONS, *WORKER_ACTIONS})
    try:
        pid = os.fork()
        if pid == 0:
            ours.close()
            for sibling in siblings:
                sibling.link.close()
            live(theirs, blocked)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    ours.setblocking(False)
    return pid, ours


def reap_strangers(own: set[int]) -> bool:
    """Take the statuses of ended processes that are not `own`; whether one of `own` is in the way.

    For process 1 of a container only, which inherits every process whose parent has ended.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        if ended is None:
            return False
        if ended.si_pid in own:
            return True
        os.waitpid(ended.si_pid, os.WNOHANG)


def live_as_worker(
    number: int,
    link: socket.socket,
    plan: WorkerPlan,
    blocked_before: set[Signals | int],
    close_in_child: Callable[[], None],
    run: Callable[[int, socket.socket, WorkerPlan], tuple[int, float]] = run_worker,
    ends: OutputEnds | None = None,
    *,
    forgets_exit_functions: bool = True,
) -> NoReturn:
    """The child's whole life. Never returns, never raises: the stack below is the supervisor's."""
    exit_code, patience_seconds = BUG_EXIT_CODE, 0.0
    try:
        if forgets_exit_functions:
            import atexit

            # What the script registered before serve() is for its own end, not for each worker's:
            # temporary directories that it removes are still in use.
            atexit._clear()
        if ends is not None:
            ends.take_over()
        forget_inherited_handlers(ACTIONS)
        close_in_child()
        signal.pthread_sigmask(signal.SIG_SETMASK, {*blocked_before, *WORKER_ACTIONS})
        exit_code, patience_seconds = run(number, link, plan)
    except BaseException as error:  # noqa: BLE001 - our defect; it is told, and must not unwind
        import traceback

        plan.log.emit(
            "worker-bug",
            worker=number,
            pid=os.getpid(),
            error=f"{type(error).__name__}: {error}",
            detail=traceback.format_exc(),
        )
    finally:
        plan.log.finish(LAST_WORDS_SECONDS)
        leave_process(
            exit_code,
            patience_seconds,
            lambda hindrance: plan.log.emit(
                "exit-hindered", worker=number, pid=os.getpid(), hindrance=hindrance
            ),
        )
