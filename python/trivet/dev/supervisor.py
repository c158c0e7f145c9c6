"""The supervisor of `trivet dev`: replaces workers when code changes, and never dies of the app.

One process, one thread, one loop. It keeps the listening sockets and the connections that nobody
serves at the moment; it serves nothing and imports nothing of the app. One mechanism, and longer
than other modules for that; the processes are in processes.py.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections import deque
from dataclasses import replace
from functools import partial
from importlib.util import cache_from_source
from signal import Signals

from trivet.dev import messages
from trivet.dev.changes import CSS, PACKAGES, PYTHON, STATIC, TEMPLATE
from trivet.dev.failure import Failure, shown_path
from trivet.dev.plan import Order
from trivet.dev.processes import start_cold, start_warm_parent, start_watcher
from trivet.dev.terminal import QUIT, RESTART
from trivet.dev.warm import why_unsuited
from trivet.dev.worker import stacks_file, stacks_of_the_app
from trivet.supervisor import restart
from trivet.supervisor.child import reap_strangers
from trivet.supervisor.signals import ACTIONS, STOP, STOP_AT_ONCE
from trivet.worker.signals import SignalInbox, means_stop_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trivet.dev.hand_over import Connection
    from trivet.dev.plan import DevPlan
    from trivet.dev.processes import Process, Warm, WatcherProcess, Worker
    from trivet.dev.screen import StartFacts
    from trivet.dev.terminal import Terminal
    from trivet.dev.watch import WatchPlan
    from trivet.supervisor.listeners import Listeners
    from trivet.worker.messages import Message

#: An import that takes longer than this, and than three times the longest that went well, is taken
#: for an endless one. It is not ended: it may be a slow one.
HANG_SECONDS = 3.0
HANG_TIMES = 3.0
#: The first import has nothing to be compared with.
FIRST_HANG_SECONDS = 10.0

#: A warm parent that keeps a worker waiting for longer than this, and than so many times the
#: longest load, is stuck in an import: it may lack what the app does before.
WARM_SECONDS = 3.0
WARM_TIMES = 3.0

#: The worker writes its stacks when that time is over; then they can be read.
STACKS_SECONDS = 0.2

#: A worker that dies so often while it serves, without a change of the code, is not started again.
MOST_CRASHES = 3

#: After the grace of a stop, workers are killed. Ctrl-C in development is meant at once.
STOP_SECONDS = 2.0

CONTAINER_INIT = 1

#: What browsers do about files that need no new worker.
BROWSERS = {CSS: "css only", TEMPLATE: "browser only", STATIC: "browser only"}

#: How changes are found, in words.
HOW_IT_WATCHES = {"events": "told by the system", "looks": "looked at again and again"}


class Slot:
    """The place of one worker."""

    def __init__(self, number: int) -> None:
        self.number = number
        #: Answers requests: the app, a page about its error, or a stand-in.
        self.serving: Worker | None = None
        #: Imports the app.
        self.loading: Worker | None = None
        #: Will answer in the place of `loading`, which hangs or has died.
        self.stand_in: Worker | None = None
        self.crashes = 0
        #: The warm worker that died or failed before this cold one was tried: what it told.
        self.suspicion = ""

    def all(self) -> list[Worker]:
        return [each for each in (self.serving, self.loading, self.stand_in) if each is not None]


class DevSupervisor:
    """Runs until it is told to stop. Used once; main thread only."""

    def __init__(
        self,
        plan: DevPlan,
        watch: WatchPlan | None,
        listeners: Listeners,
        terminal: Terminal,
        facts: StartFacts,
        before: Sequence[str],
        began: float,
    ) -> None:
        self._plan = plan
        self._watch_plan = watch
        self._listeners = listeners
        self._terminal = terminal
        self._facts = facts
        self._before = before
        self._settings = plan.settings
        workers = plan.settings.workers
        self._slots = [Slot(number) for number in range(workers if isinstance(workers, int) else 1)]
        self._generation = 0
        self._going: list[Worker] = []
        self._watcher: WatcherProcess | None = None
        self._warm: Warm | None = None
        self._retired_warm: list[Warm] = []
        #: Why there is no warm parent and will be none; empty when there is or may be one.
        self._why_cold = "" if plan.settings.warm else "warm is off"
        #: Connections that wait for the next worker.
        self._held: deque[Connection] = deque()
        self._slowest_good_load = 0.0
        self._changed_at = began
        self._broken = False
        self._told_generation = 0
        #: What the last worker that tried has imported: modules from outside, names of the project.
        self._modules: list[str] = []
        self._own_names: list[str] = []
        self._stop_began: float | None = None
        self._kill_at: float | None = None

    def run(self) -> int:
        """Run until every process has ended; the exit code."""
        # Not epoll: children are forked, and would share what is registered.
        with selectors.PollSelector() as self._selector, SignalInbox(ACTIONS) as self._inbox:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ACTIONS)
            self._selector.register(self._inbox, selectors.EVENT_READ, self._hear_signals)
            self._start_generation()
            if self._watch_plan is None:
                self._terminal.started(replace(self._facts, watch="nothing: reload is off"))
            else:
                self._watcher = start_watcher(
                    self._watch_plan, self._let_go_in_child, self._listeners.sockets
                )
                self._register(self._watcher, self._hear_watcher)
            if self._terminal.fileno() >= 0:
                self._selector.register(self._terminal, selectors.EVENT_READ, self._hear_keys)
            while self._stop_began is None or self._has_children():
                for key, _ in self._selector.select(self._patience_seconds()):
                    key.data()
                self._reap_all()
                self._keep_time()
                self._mind_channels()
        for connection in self._held:
            connection.close()
        self._listeners.close()
        return 0

    # What is so

    def _workers(self) -> list[Worker]:
        return [worker for slot in self._slots for worker in slot.all()] + self._going

    def _warm_parents(self) -> list[Warm]:
        return [*self._retired_warm, *([self._warm] if self._warm is not None else [])]

    def _has_children(self) -> bool:
        return bool(self._workers() or self._warm_parents() or self._watcher)

    def _let_go_in_child(self) -> None:
        """Runs in a child just after the fork: closes its copies of what is the supervisor's."""
        self._inbox.close_descriptors()
        for worker in self._workers():
            worker.link.close()
            worker.channel.close()
        for process in [*self._warm_parents(), self._watcher]:
            if process is not None:
                process.link.close()
        for connection in self._held:
            connection.close()

    def _register(self, process: Process, hear: Callable[[], None]) -> None:
        self._selector.register(process.link, selectors.EVENT_READ, hear)

    def _unregister(self, file: Any) -> None:
        if file.fileno() >= 0 and file.fileno() in self._selector.get_map():
            self._selector.unregister(file)

    # New code

    def _reload(self, paths: Sequence[str]) -> None:
        """There is new code: the old workers finish what they have begun, new ones load it."""
        if self._stop_began is not None:
            return
        self._changed_at = time.monotonic()
        self._terminal.reloading(self._shown(paths))
        for slot in self._slots:
            slot.crashes, slot.suspicion = 0, ""
            for unborn in (slot.loading, slot.stand_in):
                if unborn is not None:
                    unborn.discard()
                    self._going.append(unborn)
            slot.loading = slot.stand_in = None
            if slot.serving is not None:
                self._let_go(slot.serving)
                slot.serving = None
        _forget_bytecode(paths)
        self._start_generation()

    def _let_go(self, worker: Worker) -> None:
        """Tell a worker that serves to part with its connections and to end."""
        worker.link.send(messages.GO)
        worker.go_until = time.monotonic() + max(
            self._settings.graceful_timeout, self._settings.reload_grace
        )
        self._going.append(worker)

    def _start_generation(self) -> None:
        self._generation += 1
        for slot in self._slots:
            self._start(slot)

    def _start(self, slot: Slot, *, cold: bool = False) -> None:
        """Start the worker that loads the code as it is now."""
        order = Order(
            generation=self._generation, slot=slot.number, patience_seconds=self._hang_seconds()
        )
        warm = self._warm
        if warm is not None and not cold:
            # Also when it still imports: two that import side by side take longer.
            try:
                worker = warm.fork(order)
            except OSError:
                self._drop_warm("it has died")
                worker = self._fork_cold(order)
        else:
            worker = self._fork_cold(order)
        slot.loading = worker
        self._take_in(worker)

    def _fork_cold(self, order: Order) -> Worker:
        return start_cold(order, self._plan, self._before, self._let_go_in_child)

    def _take_in(self, worker: Worker) -> None:
        self._register(worker, partial(self._hear_worker, worker))
        self._selector.register(
            worker.channel, selectors.EVENT_READ, partial(self._hear_channel, worker)
        )

    def _start_stand_in(self, slot: Slot, failure: dict[str, str]) -> None:
        """Somebody must say what is wrong where there is no app to say it."""
        self._broken = True
        self._terminal.failed(
            Failure(error=failure["what"], traceback=failure["stacks"], hint=failure["hint"])
        )
        order = Order(
            generation=self._generation, slot=slot.number, patience_seconds=0.0, failure=failure
        )
        slot.stand_in = self._fork_cold(order)
        self._take_in(slot.stand_in)

    def _hang_seconds(self) -> float:
        if not self._slowest_good_load:
            return FIRST_HANG_SECONDS
        return max(HANG_SECONDS, HANG_TIMES * self._slowest_good_load)

    # What workers say

    def _hear_worker(self, worker: Worker) -> None:
        for message in worker.link.receive():
            self._handle(worker, message)
        if worker.link.hung_up:
            self._unregister(worker.link)
            if worker.is_warm and worker not in self._known_to_warm():
                worker.ended = True  # nobody is left who could tell how

    def _known_to_warm(self) -> list[Worker]:
        return [worker for warm in self._warm_parents() for worker in warm.workers]

    def _handle(self, worker: Worker, message: Message) -> None:
        match message.kind:
            case messages.LOADED:
                self._worker_loaded(worker, message)
            case messages.FAILED:
                worker.failure = message.data
            case messages.READY:
                self._worker_is_ready(worker, float(str(message.data["seconds"])))
            case messages.NOTE:
                self._terminal.note(str(message.data.get("text", "")))
            case messages.REQUEST:
                self._terminal.request(message.data)
            case messages.EXCEPTION:
                self._terminal.raised(message.data)

    def _worker_loaded(self, worker: Worker, message: Message) -> None:
        files = message.data.get("files")
        if self._watcher is not None and files:
            self._watcher.link.send(messages.ALSO, paths=files)
        self._modules = messages.texts(message, "modules")
        self._own_names = messages.texts(message, "names")

    def _worker_is_ready(self, worker: Worker, seconds: float) -> None:
        slot = self._slots[worker.order.slot]
        if worker is not slot.loading and worker is not slot.stand_in:
            return  # newer code is on its way
        if self._is_suspicious(slot, worker):
            return
        worker.ready = True
        if slot.serving is not None:
            self._let_go(slot.serving)  # the stand-in of an import that came to its end after all
        if worker is slot.loading:
            slot.loading = None
            if slot.stand_in is not None:
                slot.stand_in.discard()
                self._going.append(slot.stand_in)
        slot.stand_in = None
        slot.serving = worker
        self._deliver()
        if worker.is_stand_in:
            return
        if worker.failure is None:
            self._slowest_good_load = max(self._slowest_good_load, seconds)
            self._mind_warmth()
        self._tell_of(slot, worker)

    def _is_suspicious(self, slot: Slot, worker: Worker) -> bool:
        """Whether a failure may be the warm parent's fault: then it is tried again without it."""
        failure = worker.failure
        if worker.is_warm and failure is not None and not failure.get("in_project"):
            slot.suspicion = f"the app failed in it ({failure.get('error')})"
            worker.discard()
            self._going.append(worker)
            self._start(slot, cold=True)
            return True
        if slot.suspicion and worker is slot.loading:
            if failure is None:
                self._drop_warm(f"{slot.suspicion}, and loads without it", for_good=True)
            slot.suspicion = ""
        return False

    def _tell_of(self, slot: Slot, worker: Worker) -> None:
        """One line for each generation, however many workers it has."""
        if worker.failure is not None:
            if self._told_generation < self._generation:
                self._terminal.failed(worker.failure)
            self._broken = True
            self._told_generation = self._generation
            return
        if self._told_generation >= self._generation and not self._broken:
            return
        if any(other.serving is None or other.serving.failure for other in self._slots):
            return
        seconds = time.monotonic() - self._changed_at
        first = self._generation == 1 and not self._broken
        self._told_generation = self._generation
        why = "" if worker.is_warm else self._why_cold or "no worker was forked from it yet"
        if first:
            self._terminal.ready(seconds)
        elif self._broken:
            self._terminal.recovered(seconds, worker.is_warm, why)
        else:
            self._terminal.reloaded(seconds, worker.is_warm, why)
        self._broken = False

    # Connections between workers

    def _hear_channel(self, worker: Worker) -> None:
        self._held.extend(worker.channel.receive())
        worker.channel.flush()
        if worker.channel.hung_up:
            self._held.extend(worker.channel.take_unsent())
            self._unregister(worker.channel)
        self._deliver()

    def _deliver(self) -> None:
        """Give the connections that wait to whoever serves."""
        servers = [
            slot.serving
            for slot in self._slots
            if slot.serving is not None and not slot.serving.channel.hung_up
        ]
        turn = 0
        while self._held and servers:
            servers[turn % len(servers)].channel.send(self._held.popleft())
            turn += 1

    def _mind_channels(self) -> None:
        for worker in self._workers():
            channel = worker.channel
            if channel.fileno() not in self._selector.get_map():
                continue
            wanted = selectors.EVENT_READ
            if channel.wants_to_send:
                wanted |= selectors.EVENT_WRITE
            if self._selector.get_key(channel).events != wanted:
                self._selector.modify(channel, wanted, partial(self._hear_channel, worker))

    # The warm parent

    def _mind_warmth(self) -> None:
        """Have a warm parent that has imported what the app has, once that is known."""
        if self._why_cold or self._watch_plan is None or self._stop_began is not None:
            return
        unsuited = why_unsuited(self._modules)
        if unsuited:
            self._drop_warm(unsuited, for_good=True)
        elif self._warm is not None:
            self._warm.import_too(self._modules)
        else:
            self._warm = start_warm_parent(
                self._plan, self._modules, self._own_names, self._before, self._let_go_in_child
            )
            self._register(self._warm, partial(self._hear_warm, self._warm))

    def _hear_warm(self, warm: Warm) -> None:
        for message in warm.link.receive():
            match message.kind:
                case messages.WARM:
                    warm.is_ready = True
                    modules, seconds = message.data["modules"], message.data["seconds"]
                    self._terminal.warmed(int(str(modules)), float(str(seconds)))
                case messages.COLD:
                    self._drop_warm(str(message.data["why"]), for_good=True)
                case messages.FORKED:
                    self._warm_has_forked(warm, message)
                case messages.ENDED:
                    self._warm_has_reaped(warm, message)
        if warm.link.hung_up:
            self._unregister(warm.link)
            for worker in warm.workers:
                # Orphans now: how they end will not be told, but the end of their links will.
                worker.ended = worker.ended or worker.link.hung_up or not worker.pid
            warm.workers.clear()
            if warm is self._warm:
                self._drop_warm("it has died")

    def _warm_has_forked(self, warm: Warm, message: Message) -> None:
        for worker in warm.workers:
            order = worker.order
            mine = (order.slot, order.generation) == (
                message.data["slot"], message.data["generation"]
            )  # fmt: skip
            if mine and not worker.pid:
                worker.pid = int(str(message.data["pid"]))
                worker.began = time.monotonic()
                if worker.doomed:
                    worker.discard()
                return

    def _warm_has_reaped(self, warm: Warm, message: Message) -> None:
        for worker in list(warm.workers):
            if worker.pid == message.data["pid"]:
                worker.ended = True
                worker.status = int(str(message.data["status"]))
                warm.workers.remove(worker)
        self._end_if_unused(warm)

    def _drop_warm(self, why: str, *, for_good: bool = False) -> None:
        """Use the warm parent no more. It lives on until its workers have ended: it reaps them."""
        if for_good and not self._why_cold:
            self._why_cold = why
            self._terminal.note(f"every reload imports everything: {why}")
        warm, self._warm = self._warm, None
        if warm is not None:
            warm.retired = True
            self._retired_warm.append(warm)
            self._end_if_unused(warm)

    def _give_up_waiting(self, worker: Worker) -> None:
        """The warm parent is stuck, and this worker will not come."""
        worker.doomed = worker.ended = True
        self._going.append(worker)
        for warm in self._warm_parents():
            if worker in warm.workers:
                warm.workers.remove(worker)
        self._drop_warm("importing outside the app takes longer than in it", for_good=True)

    def _end_if_unused(self, warm: Warm) -> None:
        if warm.retired and not warm.workers:
            warm.send_signal(Signals.SIGKILL)

    # Files

    def _hear_watcher(self) -> None:
        watcher = self._watcher
        if watcher is None:
            return
        for message in watcher.link.receive():
            if message.kind == messages.WATCHING:
                self._started(message)
            elif message.kind == messages.SEEN:
                changes = message.data["changes"]
                if isinstance(changes, list):
                    self._files_changed([(str(kind), str(path)) for kind, path in changes])
            elif message.kind == messages.NOTE:
                self._terminal.note(str(message.data.get("text", "")))
        if watcher.link.hung_up:
            self._unregister(watcher.link)

    def _started(self, message: Message) -> None:
        """The watcher watches: now all is known that a person is told at the start."""
        counts = message.data.get("counts")
        parts = (
            [f"{count} {kind}" for kind, count in counts.items()]
            if isinstance(counts, dict)
            else []
        )
        why = f" ({message.data['why']})" if message.data["why"] else ""
        notes = self._facts.notes
        if not message.data["gitignore"]:
            notes += (
                ".gitignore is not read: pathspec is not installed (pip install trivet[dev])",
            )
        watch = (
            f"{', '.join(parts) or 'no files'} · {HOW_IT_WATCHES[str(message.data['how'])]}{why}"
        )
        self._terminal.started(replace(self._facts, watch=watch, notes=notes))

    def _shown(self, paths: Sequence[str]) -> list[str]:
        return [shown_path(path, self._plan.session.project_roots) for path in paths]

    def _files_changed(self, changes: Sequence[tuple[str, str]]) -> None:
        if any(kind == PACKAGES for kind, _ in changes):
            self._drop_warm("")
            self._reload(["installed packages"])
            return
        code = [path for kind, path in changes if kind == PYTHON]
        if code:
            self._reload(code)
            return
        for wanted in (CSS, TEMPLATE, STATIC):
            paths = [path for kind, path in changes if kind == wanted]
            if paths:
                self._terminal.swapped(self._shown(paths), BROWSERS[wanted])
                for slot in self._slots:
                    if slot.serving is not None:
                        slot.serving.link.send(messages.CHANGED, kind=wanted, paths=paths)

    def _hear_keys(self) -> None:
        for key in self._terminal.read_keys():
            if key == QUIT:
                self._stop(STOP_SECONDS)
            elif key == RESTART:
                self._drop_warm("")
                self._reload([])

    # Workers that end

    def _reap_all(self) -> None:
        for slot in self._slots:
            for worker in slot.all():
                ended, status = worker.reap()
                if ended:
                    self._worker_ended(slot, worker, status)
        for worker in list(self._going):
            ended, _ = worker.reap()
            if ended:
                self._bury(worker)
                self._going.remove(worker)
        for warm in self._warm_parents():
            if warm.reap()[0]:
                self._hear_warm(warm)
                if warm is self._warm:
                    self._drop_warm("it has died")
                self._unregister(warm.link)
                warm.link.close()
                self._retired_warm.remove(warm)
        if self._watcher is not None and self._watcher.reap()[0]:
            self._unregister(self._watcher.link)
            self._watcher.link.close()
            self._watcher = None
            if self._stop_began is None:
                self._terminal.note("the watcher has died: changes are not seen any more")
        if os.getpid() == CONTAINER_INIT:
            reap_strangers({process.pid for process in self._workers() if not process.is_warm})

    def _bury(self, worker: Worker) -> None:
        """Hear its last words, save the connections that it has given away, close what is left."""
        self._hear_worker(worker)
        self._hear_channel(worker)
        for file in (worker.link, worker.channel):
            self._unregister(file)
            file.close()

    def _worker_ended(self, slot: Slot, worker: Worker, status: int | None) -> None:
        self._bury(worker)
        if worker is slot.serving:
            slot.serving = None
            if self._stop_began is None:
                self._server_died(slot, worker, status)
        elif worker is slot.stand_in:
            slot.stand_in = None
        elif worker is slot.loading:
            slot.loading = None
            if self._stop_began is None:
                self._loader_died(slot, worker, status)

    def _loader_died(self, slot: Slot, worker: Worker, status: int | None) -> None:
        if worker.is_warm and not worker.pid:
            self._start(slot, cold=True)  # the warm parent has ended before it was forked
            return
        how = restart.how_it_ended(status)
        stacks = self._stacks(worker)
        if worker.is_warm and status is not None and os.WIFSIGNALED(status):
            slot.suspicion = f"a worker forked from it {how} while it loaded the app"
            self._start(slot, cold=True)
            return
        if slot.serving is not None:  # the stand-in for its endless import
            self._let_go(slot.serving)
            slot.serving = None
        slot.suspicion = ""
        self._start_stand_in(
            slot,
            {
                "what": f"the app {how} while it was imported",
                "detail": restart.advice(status).lstrip("; "),
                "stacks": stacks,
                "hint": "mend it and save; it is loaded again then",
            },
        )

    def _server_died(self, slot: Slot, worker: Worker, status: int | None) -> None:
        how = restart.how_it_ended(status)
        slot.crashes += 1
        if slot.crashes < MOST_CRASHES and not worker.is_stand_in:
            self._terminal.note(f"the worker {how} while it served{restart.advice(status)}")
            self._changed_at = time.monotonic()
            self._start(slot)
            return
        self._start_stand_in(
            slot,
            {
                "what": f"the app {how} {slot.crashes} times while it served",
                "detail": restart.advice(status).lstrip("; "),
                "stacks": "",
                "hint": "mend it and save; it is loaded again then",
            },
        )

    def _stacks(self, worker: Worker) -> str:
        path = stacks_file(self._plan.session.state_directory, worker.pid)
        try:
            text = path.read_text(errors="replace")
            if not worker.hangs:
                path.unlink()
        except OSError:
            return ""
        return stacks_of_the_app(text)

    # Time

    def _patience_seconds(self) -> float | None:
        moments = [worker.go_until for worker in self._going if worker.go_until is not None]
        moments += [
            self._hangs_at(slot.loading)
            for slot in self._slots
            if slot.loading is not None and not slot.loading.hangs
        ]
        if self._kill_at is not None:
            moments.append(self._kill_at)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _hangs_at(self, worker: Worker) -> float:
        if worker.is_warm and not worker.pid:
            return worker.began + max(WARM_SECONDS, WARM_TIMES * self._slowest_good_load)
        return worker.began + worker.order.patience_seconds + STACKS_SECONDS

    def _keep_time(self) -> None:
        now = time.monotonic()
        for worker in self._going:
            if worker.go_until is not None and worker.go_until <= now:
                worker.go_until = None
                worker.send_signal(Signals.SIGKILL)
        for slot in self._slots:
            worker_loading = slot.loading
            if worker_loading is None or worker_loading.hangs:
                continue
            if self._hangs_at(worker_loading) > now or self._stop_began is not None:
                continue
            if worker_loading.is_warm and not worker_loading.pid:
                self._give_up_waiting(worker_loading)
                self._start(slot, cold=True)
            else:
                worker_loading.hangs = True
                seconds = now - worker_loading.began
                self._start_stand_in(
                    slot,
                    {
                        "what": f"the app is still being imported after {seconds:.1f} s",
                        "detail": "It works or waits at the place below; when it comes to its end, "
                        "the app is served.",
                        "stacks": self._stacks(worker_loading),
                        "hint": "look for an endless loop, or for something that waits",
                    },
                )
        if self._kill_at is not None and self._kill_at <= now:
            self._kill_at = None
            for process in [*self._workers(), *self._warm_parents()]:
                process.send_signal(Signals.SIGKILL)

    # The end

    def _hear_signals(self) -> None:
        for number in self._inbox.read():
            action = ACTIONS[number]
            since = None if self._stop_began is None else time.monotonic() - self._stop_began
            if action == STOP_AT_ONCE or means_stop_at_once(number, since):
                self._stop(0.0)
            elif action == STOP and self._stop_began is None:
                interrupted = number == Signals.SIGINT
                self._stop(STOP_SECONDS if interrupted else self._settings.graceful_timeout)

    def _stop(self, seconds: float) -> None:
        now = time.monotonic()
        self._stop_began = self._stop_began or now
        self._kill_at = now + seconds
        self._listeners.take_no_more()
        if self._watcher is not None:
            self._watcher.send_signal(Signals.SIGKILL)
        self._drop_warm("")
        for slot in self._slots:
            for unborn in (slot.loading, slot.stand_in):
                if unborn is not None:
                    unborn.discard()
            if slot.serving is not None:
                slot.serving.send_signal(Signals.SIGTERM)
        for worker in self._going:
            worker.send_signal(Signals.SIGTERM)


def _forget_bytecode(paths: Sequence[str]) -> None:
    """Remove what Python has cached of changed files.

    It takes a cache for current when size and time in whole seconds are the source's (PEP 3147
    and importlib): two saves in one second can be told apart by neither.
    """
    for path in paths:
        if path.endswith(".py"):
            try:
                os.unlink(cache_from_source(path))
            except (OSError, NotImplementedError):
                pass  # there is none, or this Python keeps none
