"""The warm parent: a process that has imported what lies outside the project, and forks workers.

It has one thread and runs nothing but imports and this loop. A package that starts threads when it
is imported cannot be inherited, for a fork takes only the thread that forks: then the warm parent
says so and ends.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from importlib import import_module
from importlib.abc import MetaPathFinder

from trivet.dev import messages
from trivet.dev.fork import fork_process, leave_the_terminal_to_the_supervisor, unblock_signals
from trivet.dev.messages import Link
from trivet.dev.plan import Order
from trivet.dev.worker import run_dev_worker
from trivet.worker.signals import SignalInbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trivet.dev.plan import DevPlan

#: Packages that the app must be the first to import, and why.
UNSUITED: Mapping[str, str] = {
    "gevent": "it replaces parts of the standard library, before others may import them",
    "eventlet": "it replaces parts of the standard library, before others may import them",
}


def why_unsuited(modules: Iterable[str]) -> str:
    """Why these modules cannot be imported ahead of the app; empty when they can."""
    tops = {name.partition(".")[0] for name in modules}
    for name, why in UNSUITED.items():
        if name in tops:
            return f"the app uses {name}: {why}"
    return ""


def run_warm_parent(
    end: socket.socket,
    plan: DevPlan,
    modules: Sequence[str],
    own_names: Sequence[str],
    before: Sequence[str],
) -> tuple[int, float]:
    """Import, and fork workers on order until the supervisor is gone."""
    return WarmParent(end, plan, own_names, before).run(modules)


class WarmParent:
    """Runs in a process of its own, in its only thread."""

    def __init__(
        self, end: socket.socket, plan: DevPlan, own_names: Sequence[str], before: Sequence[str]
    ) -> None:
        self._link = Link(end)
        self._plan = plan
        self._own_names = frozenset(own_names)
        self._before = before
        self._descriptors: deque[int] = deque()
        self._workers: dict[int, int] = {}

    def run(self, modules: Sequence[str]) -> tuple[int, float]:
        leave_the_terminal_to_the_supervisor()
        os.environ.update(self._plan.environment)
        self._inbox = SignalInbox([signal.SIGCHLD])
        with self._inbox, selectors.PollSelector() as selector:
            unblock_signals()
            if not self._import(modules):
                return 0, 0.0
            selector.register(self._inbox, selectors.EVENT_READ)
            selector.register(self._link, selectors.EVENT_READ)
            while not self._link.hung_up:
                ready = [key.fileobj for key, _ in selector.select()]
                self._inbox.read()
                if self._link in ready and not self._hear_supervisor():
                    break
                self._reap()
        return 0, 0.0

    def _import(self, modules: Sequence[str]) -> bool:
        """Import what can be; false when that makes a fork impossible, which is told."""
        began = time.monotonic()
        guard = _NotTheProject(self._own_names)
        sys.meta_path.insert(0, guard)
        imported = 0
        try:
            for name in modules:
                if name in sys.modules:
                    continue
                try:
                    import_module(name)
                    imported += 1
                except BaseException:  # noqa: BLE001 - it needs the app's help; the app imports it
                    continue
                if threads() > 1:
                    why = f"importing {name.partition('.')[0]} starts threads"
                    self._link.send(messages.COLD, why=why, modules=[name])
                    return False
        finally:
            sys.meta_path.remove(guard)
        # The collector would touch, and so copy, every page that is shared with workers.
        gc.collect()
        gc.freeze()
        self._link.send(messages.WARM, modules=imported, seconds=time.monotonic() - began)
        return True

    def _hear_supervisor(self) -> bool:
        """Take what has come, which is something; false when this process is to end."""
        try:
            # Its parameter for flags does nothing in CPython 3.11: it would wait without news.
            data, descriptors, _, _ = socket.recv_fds(self._link.socket, 65536, 64)
        except OSError:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self._descriptors.extend(descriptors)
        self._link.hung_up = not data
        for message in self._link.feed(data):
            if message.kind == messages.FORK:
                self._fork(Order(**message.data))  # type: ignore[arg-type]  # as it was sent
            elif message.kind == messages.IMPORT:
                gc.unfreeze()
                if not self._import(messages.texts(message, "modules")):
                    return False
        return True

    def _fork(self, order: Order) -> None:
        link, channel = (socket.socket(fileno=self._descriptors.popleft()) for _ in range(2))

        def live() -> tuple[int, float]:
            return run_dev_worker(order, link, channel, self._plan, self._before)

        try:
            pid = fork_process(live, self._let_go_in_child)
        finally:
            link.close()
            channel.close()
        self._workers[pid] = order.generation
        self._link.send(messages.FORKED, pid=pid, slot=order.slot, generation=order.generation)

    def _let_go_in_child(self) -> None:
        self._link.close()
        self._inbox.close_descriptors()
        gc.unfreeze()

    def _reap(self) -> None:
        for pid in list(self._workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._workers[pid]
                self._link.send(messages.ENDED, pid=pid, status=status)


class _NotTheProject(MetaPathFinder):
    """Refuses the project's modules: whatever imports one here would keep its old code."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"{name} is the project's", name=name)


def threads() -> int:
    """How many threads this process has, those of C libraries included where /proc tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        import threading

        return threading.active_count()
