"""The preload parent: a process that has imported the app, and forks workers that share its pages.

The supervisor starts it, and orders workers from it over a socket pair; it never imports the app
itself. Each reload has a preload parent of its own. A worker is forked twice, so that its parent
ends at once and the supervisor becomes its parent (prctl(2), PR_SET_CHILD_SUBREAPER): whatever
happens to the preload parent, the supervisor hears of the end of each worker. Linux only.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from functools import partial
from signal import Signals

from trivet.errors import TrivetError
from trivet.supervisor.child import Child, fork_with_link, live_as_worker
from trivet.worker.leave import flush_standard_streams
from trivet.worker.main import (
    Report,
    end_with_the_supervisor,
    load_app,
    report_failure,
    run_worker,
)
from trivet.worker.messages import FORKED, NOTE, READY, LineBuffer, decode
from trivet.worker.output import OutputEnds, print_lines_at_once
from trivet.worker.signals import LOADING_SIGNALS, WORKER_ACTIONS, SignalInbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable, Sequence

    from trivet.observe.shared_memory import Region, WorkerCounters
    from trivet.worker.main import Loaded, WorkerPlan

#: In the log the preload parent is the worker of this number.
NUMBER = 0

#: In an order, instead of the index of a region: the worker is not counted.
NO_REGION = -1

#: A fork takes milliseconds; a preload parent that does not answer in this time is broken.
FORK_SECONDS = 10.0

SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h; Python has no name for it


class PreloadParent(Child):
    """The preload parent of one plan, as the supervisor sees it."""

    def fork_worker(
        self, number: int, region: Region | None = None, ends: OutputEnds | None = None
    ) -> Child:
        """Let it fork a worker that counts in `region` and prints to `ends`, and wait for that.

        Raises OSError when it cannot.
        """
        index = NO_REGION if region is None else region.index
        ours, theirs = socket.socketpair()
        try:
            self.link.settimeout(FORK_SECONDS)
            given = [theirs.fileno(), *(ends.descriptors if ends is not None else ())]
            socket.send_fds(self.link, [f"{number} {index} {len(given)}\n".encode()], given)
            pid = self._forked_pid()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            self.link.setblocking(False)
        ours.setblocking(False)
        return Child(number, pid, ours, self.plan, region)

    def _forked_pid(self) -> int:
        lines = LineBuffer()
        while True:
            data = self.link.recv(65536)
            if not data:
                raise OSError("the preload parent has ended")
            for line in lines.feed(data):
                message = decode(line)
                if message.kind == FORKED and message.data.get("pid"):
                    return int(str(message.data["pid"]))
                raise OSError(str(message.data.get("error", "the preload parent could not fork")))


def start_preload_parent(
    plan: WorkerPlan,
    siblings: Sequence[Child],
    close_in_child: Callable[[], None],
    counters: WorkerCounters,
    ends: OutputEnds | None = None,
) -> PreloadParent:
    """Fork it. Raises OSError as start_child does.

    It has the memory of `counters` from then on, and each order says which region is the worker's.
    """
    adopt_orphans()
    run = partial(run_preload_parent, counters=counters)

    def live(link: socket.socket, blocked: set[Signals | int]) -> None:
        live_as_worker(NUMBER, link, plan, blocked, close_in_child, run, ends)

    pid, link = fork_with_link(siblings, live)
    return PreloadParent(NUMBER, pid, link, plan)


def adopt_orphans() -> bool:
    """Become the parent of processes below this one whose own parent ends; false where none can."""
    if sys.platform != "linux":
        return False
    import ctypes  # needed by who preloads only

    return bool(ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


# From here on: the process itself, in its only thread.


def run_preload_parent(
    number: int, link: socket.socket, plan: WorkerPlan, counters: WorkerCounters
) -> tuple[int, float]:
    """Import the app, then fork workers on order until the supervisor is gone or sends SIGTERM."""
    report = Report(link)
    print_lines_at_once()
    # As in a worker that loads: SIGTERM ends it, what a terminal sends is the supervisor's affair.
    inbox = SignalInbox(LOADING_SIGNALS)
    inbox.open()
    signal.signal(Signals.SIGTERM, signal.SIG_DFL)
    end_with_the_supervisor(link, True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WORKER_ACTIONS)
    try:
        app, notes = load_app(plan)
    except TrivetError as error:
        end_with_the_supervisor(link, False)
        report_failure(report, error, plan.startup)
        return error.exit_code, 0.0
    for event, fields in notes:
        report.send(NOTE, event=event, fields=fields)
    signal.signal(Signals.SIGTERM, signal.SIG_DFL)  # the app may have set its own
    threads = other_threads()
    if threads:
        report.send(NOTE, event="preload-threads", fields={"threads": threads})
    # The collector would write to, and so copy, the pages that workers share.
    gc.collect()
    gc.freeze()
    end_with_the_supervisor(link, False)
    report.send(READY)
    _obey(link, inbox, plan, (app, []), report, counters)
    # What the app has registered to run at the end is for the ends of workers.
    flush_standard_streams()
    os._exit(0)


def other_threads() -> int:
    """How many threads this process has beside its first, those of C libraries included."""
    try:
        return len(os.listdir("/proc/self/task")) - 1
    except OSError:
        import threading

        return threading.active_count() - 1


def _obey(
    link: socket.socket,
    inbox: SignalInbox,
    plan: WorkerPlan,
    loaded: Loaded,
    report: Report,
    counters: WorkerCounters,
) -> None:
    orders, descriptors = LineBuffer(), list[int]()
    while True:
        try:
            data, received, _, _ = socket.recv_fds(link, 4096, 16)
        except OSError:
            return
        for descriptor in received:
            os.set_inheritable(descriptor, False)
        descriptors += received
        if not data:
            return
        for order in orders.feed(data):
            number, index, count = map(int, order.split())
            first, *more = descriptors[:count]
            del descriptors[:count]
            ends = OutputEnds(*more) if more else None
            memory = None if index == NO_REGION else counters.memory_at(index)
            with socket.socket(fileno=first) as end:
                try:
                    pid = _fork_worker(number, memory, end, ends, plan, loaded, [link], inbox)
                    report.send(FORKED, pid=pid)
                except OSError as error:
                    report.send(FORKED, error=error.strerror or str(error))
            if ends is not None:
                ends.close()


def _fork_worker(
    number: int,
    memory: memoryview | None,
    end: socket.socket,
    ends: OutputEnds | None,
    plan: WorkerPlan,
    loaded: Loaded,
    own_links: Sequence[socket.socket],
    inbox: SignalInbox,
) -> int:
    """Fork a worker whose parent is the supervisor; its pid. Raises OSError."""

    def let_go() -> None:
        inbox.close_descriptors()
        os.close(reading)
        os.close(writing)
        for link in own_links:
            link.close()

    flush_standard_streams()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, WORKER_ACTIONS)
    reading, writing = os.pipe()
    try:
        between = os.fork()
        if between == 0:
            try:
                pid = os.fork()
                if pid == 0:
                    own_plan = plan.loaded_already(loaded)
                    run = partial(run_worker, memory=memory)
                    live_as_worker(
                        number,
                        end,
                        own_plan,
                        blocked,
                        let_go,
                        run,
                        ends,
                        forgets_exit_functions=False,
                    )
                os.write(writing, str(pid).encode())
            finally:
                os._exit(0)
        os.close(writing)
        writing = -1
        answer = os.read(reading, 32)
        os.waitpid(between, 0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    if not answer:
        raise OSError("no process could be started")
    return int(answer)
