"""The processes of `trivet dev` as the supervisor sees them: start, hear, end; it decides when.

All of it runs in the supervisor's only thread.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import asdict
from signal import SIGKILL, Signals

from trivet.dev import messages
from trivet.dev.fork import fork_process, leave_the_terminal_to_the_supervisor, unblock_signals
from trivet.dev.hand_over import Channel
from trivet.dev.messages import Link
from trivet.dev.worker import run_dev_worker
from trivet.supervisor.child import reap_process, signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trivet.dev.plan import DevPlan, Order
    from trivet.dev.watch import WatchPlan

    Close = Callable[[], None]


class Process:
    """A child, or a grandchild by way of the warm parent. `pid` is 0 until that is known."""

    def __init__(self, pid: int, link: Link) -> None:
        self.pid = pid
        self.link = link

    def send_signal(self, number: Signals) -> None:
        if self.pid:
            signal_process(self.pid, number)

    def reap(self) -> tuple[bool, int | None]:
        """Whether the process has ended, and its wait status (None if somebody else took it)."""
        return reap_process(self.pid)


class Worker(Process):
    """One worker: loading, serving or going."""

    def __init__(self, pid: int, link: Link, channel: Channel, order: Order, warm: bool) -> None:
        super().__init__(pid, link)
        self.channel = channel
        self.order = order
        #: Forked by the warm parent, who also takes its wait status.
        self.is_warm = warm
        self.began = time.monotonic()
        self.ready = False
        #: What kept it from loading the app; it serves a page about that.
        self.failure: dict[str, object] | None = None
        #: An import that does not end was told.
        self.hangs = False
        #: Somebody in it reads lines from the terminal.
        self.borrows_keyboard = False
        self.doomed = False
        #: When it is killed if it has not gone.
        self.go_until: float | None = None
        #: It was told to go, and takes no new connection.
        self.has_left = False
        #: The end of a grandchild: told by its parent.
        self.ended = False
        self.status: int | None = None

    @property
    def is_stand_in(self) -> bool:
        return self.order.failure is not None

    def is_forked(self, pid: int) -> None:
        """The warm parent says so; from now on it can be sent signals."""
        self.pid = pid
        self.began = time.monotonic()
        if self.doomed:
            self.discard()

    def discard(self) -> None:
        """End it at once: it serves nobody."""
        self.doomed = True
        self.send_signal(SIGKILL)

    def reap(self) -> tuple[bool, int | None]:
        if not self.is_warm:
            return super().reap()
        return self.ended, self.status


def start_cold(order: Order, plan: DevPlan, before: Sequence[str], close_in_child: Close) -> Worker:
    """Fork a worker that imports everything by itself."""
    link, their_link = socket.socketpair()
    channel, their_channel = socket.socketpair()

    def close() -> None:
        link.close()
        channel.close()
        close_in_child()

    try:
        pid = fork_process(
            lambda: run_dev_worker(order, their_link, their_channel, plan, before), close
        )
    except BaseException:
        link.close()
        channel.close()
        raise
    finally:
        their_link.close()
        their_channel.close()
    return Worker(pid, Link(link), Channel(channel), order, warm=False)


class Warm(Process):
    """The warm parent."""

    def __init__(self, pid: int, link: Link, modules: Sequence[str]) -> None:
        super().__init__(pid, link)
        self.modules = set(modules)
        #: It has imported all that it was told to.
        self.is_ready = False
        #: Not to be used any more; it lives until its workers have ended.
        self.retired = False
        self.workers: list[Worker] = []

    def fork(self, order: Order) -> Worker:
        """Order a worker. Its pid comes later, in a message."""
        link, their_link = socket.socketpair()
        channel, their_channel = socket.socketpair()
        line = f"{messages.FORK} {json.dumps(asdict(order))}\n".encode("ascii")
        try:
            self.link.socket.setblocking(True)
            descriptors = [their_link.fileno(), their_channel.fileno()]
            sent = socket.send_fds(self.link.socket, [line], descriptors)
            self.link.socket.sendall(line[sent:])
        finally:
            their_link.close()
            their_channel.close()
        worker = Worker(0, Link(link), Channel(channel), order, warm=True)
        self.workers.append(worker)
        return worker

    def import_too(self, modules: Sequence[str]) -> None:
        new = [name for name in modules if name not in self.modules]
        if new:
            self.modules.update(new)
            self.is_ready = False
            self.link.send(messages.IMPORT, modules=new)


def start_warm_parent(
    plan: DevPlan,
    modules: Sequence[str],
    own_names: Sequence[str],
    before: Sequence[str],
    close_in_child: Close,
) -> Warm:
    """Fork the warm parent, which begins to import at once."""
    from trivet.dev.warm import run_warm_parent

    link, theirs = socket.socketpair()

    def close() -> None:
        link.close()
        close_in_child()

    try:
        pid = fork_process(lambda: run_warm_parent(theirs, plan, modules, own_names, before), close)
    except BaseException:
        link.close()
        raise
    finally:
        theirs.close()
    return Warm(pid, Link(link), modules)


class WatcherProcess(Process):
    """The process that watches the files."""


def start_watcher(
    plan: WatchPlan, close_in_child: Close, listeners: Sequence[socket.socket]
) -> WatcherProcess:
    """Fork the watcher."""
    link, theirs = socket.socketpair()

    def live() -> tuple[int, float]:
        # Imported here: the supervisor has no use for it.
        from trivet.dev.watch import run_watcher

        for listener in listeners:
            listener.close()
        leave_the_terminal_to_the_supervisor()
        unblock_signals()
        run_watcher(Link(theirs), plan)
        return 0, 0.0

    def close() -> None:
        link.close()
        close_in_child()

    try:
        pid = fork_process(live, close)
    except BaseException:
        link.close()
        raise
    finally:
        theirs.close()
    return WatcherProcess(pid, Link(link))
