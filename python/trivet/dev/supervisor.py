"""The supervisor of `trivet dev`: replaces workers when code changes, and never dies of the app.

One process, one thread, one loop. It keeps the listening sockets; it serves nothing and imports
nothing of the app. Elsewhere: the processes (processes.py), the warm parent (warmth.py), the
watcher (watching.py), the connections that wait (waiting.py), places of workers and their patience
(slots.py), what is told of new code (tidings.py), and how failures are put into words
(load_failure.py).
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import asdict
from functools import partial
from signal import Signals

from trivet.dev import editor_debugger, messages
from trivet.dev.changes import CONFIGURATION, CSS, PACKAGES, PYTHON, STATIC, TEMPLATE
from trivet.dev.failure import Failure, shown_path
from trivet.dev.load_failure import died_while_loading, died_while_serving, still_importing
from trivet.dev.plan import Order
from trivet.dev.processes import start_cold
from trivet.dev.slots import Patience, forget_bytecode, slots_for
from trivet.dev.sources import Sources
from trivet.dev.terminal import QUIT, RESTART
from trivet.dev.tidings import Tidings
from trivet.dev.waiting import WaitingConnections
from trivet.dev.warmth import Warmth
from trivet.dev.watching import Watching
from trivet.dev.worker import stacks_file, stacks_of_the_app
from trivet.errors import TrivetError
from trivet.supervisor import restart
from trivet.supervisor.child import reap_strangers
from trivet.supervisor.signals import ACTIONS, HEARD_AT_ANY_TIME, STOP, STOP_AT_ONCE
from trivet.worker.signals import SignalInbox, means_stop_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from trivet.dev.load_failure import LoadFailure
    from trivet.dev.plan import DevPlan
    from trivet.dev.processes import Worker
    from trivet.dev.run import Renewal
    from trivet.dev.screen import StartFacts
    from trivet.dev.slots import Slot
    from trivet.dev.terminal import Terminal
    from trivet.dev.watch import WatchPlan
    from trivet.settings.table import Settings
    from trivet.supervisor.listeners import Listeners
    from trivet.worker.messages import Message

#: A worker that dies so often while it serves, without a change of the code, is not started again.
MOST_CRASHES = 3

#: After the grace of a stop, workers are killed. Ctrl-C in development is meant at once.
STOP_SECONDS = 2.0

CONTAINER_INIT = 1

#: What browsers do about files that need no new worker.
BROWSERS = {CSS: "css only", TEMPLATE: "browser only", STATIC: "browser only"}


class DevSupervisor:
    """Runs until it is told to stop. Used once; main thread only."""

    def __init__(
        self,
        plan: DevPlan,
        watch: WatchPlan | None,
        renewal: Renewal,
        relay: socket.socket | None,
        listeners: Listeners,
        terminal: Terminal,
        facts: StartFacts,
        before: Sequence[str],
        began: float,
    ) -> None:
        self._plan = plan
        self._renewal = renewal
        #: Hangs up when the relay of --https ends.
        self._relay = relay
        self._listeners = listeners
        self._terminal = terminal
        self._before = before
        self._settings = plan.settings
        self._slots = slots_for(plan.settings.workers, [])
        self._generation = 0
        #: How often files have changed that need no new worker.
        self._changes = 0
        self._going: list[Worker] = []
        self._sources = Sources()
        self._watching = Watching(watch, self._sources, terminal, facts, self._files_changed)
        debugged = editor_debugger.is_attached()
        self._warmth = Warmth(
            self._sources,
            terminal,
            before,
            self._let_go_in_child,
            why_not=_why_not_warm(plan.settings, debugged),
        )
        self._waiting = WaitingConnections(self._sources, self._serving)
        self._patience = Patience(debugged=debugged)
        self._tidings = Tidings(terminal, lambda: self._going, began)
        #: What the last worker that tried has imported: modules from outside, names of the project.
        self._modules: list[str] = []
        self._own_names: list[str] = []
        self._stop_began: float | None = None
        self._kill_at: float | None = None

    def run(self) -> int:
        """Run until every process has ended; the exit code."""
        # Whoever wants to outlive his terminal has it ignored (nohup).
        self._outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with self._sources, SignalInbox(HEARD_AT_ANY_TIME) as self._inbox:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD_AT_ANY_TIME)
            self._sources.hear(self._inbox, self._hear_signals)
            if self._relay is not None:
                self._sources.hear(self._relay, self._relay_died)
            self._start_generation()
            self._watching.start(self._let_go_in_child, self._listeners.sockets)
            if self._terminal.fileno() >= 0:
                self._sources.hear(self._terminal, self._hear_keys)
            while self._stop_began is None or self._has_children():
                self._sources.wait(self._patience_seconds())
                self._reap_all()
                self._keep_time()
                for worker in self._workers():
                    self._waiting.watch(worker)
        self._waiting.close()
        self._listeners.close()
        return 0

    # What is so

    def _workers(self) -> list[Worker]:
        return [worker for slot in self._slots for worker in slot.all()] + self._going

    def _serving(self) -> list[Worker]:
        return [slot.serving for slot in self._slots if slot.serving is not None]

    def _has_children(self) -> bool:
        return bool(self._workers() or self._warmth.parents() or self._watching.process)

    def _let_go_in_child(self) -> None:
        """Runs in a child just after the fork: closes its copies of what is the supervisor's."""
        self._inbox.close_descriptors()
        for worker in self._workers():
            worker.link.close()
            worker.channel.close()
        for process in [*self._warmth.parents(), self._watching.process]:
            if process is not None:
                process.link.close()
        self._waiting.close()

    # New code

    def _reload(self, paths: Sequence[str]) -> None:
        """There is new code: the old workers finish what they have begun, new ones load it."""
        if self._stop_began is not None:
            return
        self._tidings.loads_again()
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
        forget_bytecode(paths)
        self._slots = slots_for(self._settings.workers, self._slots)
        self._start_generation()

    def _take_up(self, paths: Sequence[str]) -> bool:
        """Files of settings or variables have changed; whether new workers are to be started."""
        try:
            plan, notes = self._renewal.renew(self._plan, paths)
        except TrivetError as error:
            hint = f" ({error.hint})" if error.hint else ""
            files = ", ".join(self._shown(paths))
            self._terminal.note(f"{files}: {error.what}{hint}; nothing of it is taken")
            return False
        for note in notes:
            self._terminal.note(note)
        if plan is None:
            return False
        self._plan, self._settings = plan, plan.settings
        # It has the old environment.
        self._warmth.drop("")
        return True

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
            generation=self._generation,
            changes=self._changes,
            slot=slot.number,
            patience_seconds=self._patience.hang_seconds(),
        )
        # Also from a warm parent that still imports: two that import side by side take longer.
        slot.loading = (None if cold else self._warmth.fork(order)) or self._fork_cold(order)
        self._take_in(slot.loading)

    def _fork_cold(self, order: Order) -> Worker:
        return start_cold(order, self._plan, self._before, self._let_go_in_child)

    def _take_in(self, worker: Worker) -> None:
        self._sources.hear(worker.link, partial(self._hear_worker, worker))
        self._sources.hear(worker.channel, partial(self._waiting.hear, worker))

    def _start_stand_in(self, slot: Slot, failure: LoadFailure) -> None:
        """Somebody must say what is wrong where there is no app to say it."""
        self._tidings.broke(
            Failure(error=failure.what, traceback=failure.stacks, hint=failure.hint)
        )
        order = Order(
            generation=self._generation,
            changes=self._changes,
            slot=slot.number,
            patience_seconds=0.0,
            failure=asdict(failure),
        )
        slot.stand_in = self._fork_cold(order)
        self._take_in(slot.stand_in)

    # What workers say

    def _hear_worker(self, worker: Worker) -> None:
        for message in worker.link.receive():
            self._handle(worker, message)
        if worker.link.hung_up:
            self._sources.ignore(worker.link)
            if worker.is_warm and not self._warmth.know_of(worker):
                worker.ended = True  # nobody is left who could tell how

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
            case messages.LEFT:
                worker.has_left = True
                self._tidings.tell_what_waits()
            case messages.KEYBOARD:
                self._lend_keyboard(worker, bool(message.data["wanted"]))
            case messages.EXCEPTION:
                self._terminal.raised(message.data)

    def _lend_keyboard(self, worker: Worker, wanted: bool) -> None:
        worker.borrows_keyboard = wanted
        if wanted:
            self._terminal.lend()
        elif not any(other.borrows_keyboard for other in self._workers()):
            self._terminal.take_back()

    def _worker_loaded(self, worker: Worker, message: Message) -> None:
        self._watching.watch_also(message.data.get("files"))
        self._modules = messages.texts(message, "modules")
        self._own_names = messages.texts(message, "names")

    def _worker_is_ready(self, worker: Worker, seconds: float) -> None:
        if worker in self._going:
            return  # newer code is on its way
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
        self._waiting.deliver()
        if worker.is_stand_in:
            return
        if worker.failure is None:
            self._patience.has_loaded(seconds)
            if self._watching.is_wanted and self._stop_began is None:
                self._warmth.keep(self._plan, self._modules, self._own_names)
        self._tidings.is_ready(worker, self._slots, "" if worker.is_warm else self._warmth.why_cold)

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
                self._warmth.drop(f"{slot.suspicion}, and loads without it", for_good=True)
            slot.suspicion = ""
        return False

    # Files

    def _shown(self, paths: Sequence[str]) -> list[str]:
        return [shown_path(path, self._plan.session.project_roots) for path in paths]

    def _files_changed(self, changes: Sequence[tuple[str, str]]) -> None:
        if any(kind == PACKAGES for kind, _ in changes):
            self._warmth.drop("")
            self._reload(["installed packages"])
            return
        code = [path for kind, path in changes if kind == PYTHON]
        configuration = [path for kind, path in changes if kind == CONFIGURATION]
        if configuration and self._take_up(configuration):
            code += configuration
        if code:
            self._reload(code)
            return
        for wanted in (CSS, TEMPLATE, STATIC):
            paths = [path for kind, path in changes if kind == wanted]
            if paths:
                self._changes += 1
                self._terminal.swapped(self._shown(paths), BROWSERS[wanted])
                for slot in self._slots:
                    if slot.serving is not None:
                        slot.serving.link.send(
                            messages.CHANGED, kind=wanted, paths=paths, number=self._changes
                        )

    def _hear_keys(self) -> None:
        for key in self._terminal.read_keys():
            if key == QUIT:
                self._stop(STOP_SECONDS)
            elif key == RESTART:
                self._warmth.drop("")
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
                self._tidings.tell_what_waits()
        self._warmth.reap()
        self._watching.reap(stopping=self._stop_began is not None)
        if os.getpid() == CONTAINER_INIT:
            reap_strangers({process.pid for process in self._workers() if not process.is_warm})

    def _bury(self, worker: Worker) -> None:
        """Hear its last words, save the connections that it has given away, close what is left."""
        self._hear_worker(worker)
        self._waiting.hear(worker)
        if worker.borrows_keyboard:
            self._lend_keyboard(worker, False)
        for file in (worker.link, worker.channel):
            self._sources.ignore(file)
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
        self._start_stand_in(slot, died_while_loading(status, stacks))

    def _server_died(self, slot: Slot, worker: Worker, status: int | None) -> None:
        how = restart.how_it_ended(status)
        slot.crashes += 1
        if slot.crashes < MOST_CRASHES and not worker.is_stand_in:
            advice = restart.advice(status)
            told = f"the worker {how} while it served"
            self._terminal.note(f"{told}; {advice}" if advice else told)
            self._tidings.loads_again()
            self._start(slot)
            return
        self._start_stand_in(slot, died_while_serving(status, slot.crashes))

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
            self._patience.hangs_at(slot.loading)
            for slot in self._slots
            if slot.loading is not None and not slot.loading.hangs
        ]
        for moment in (self._kill_at, self._watching.next_moment()):
            if moment is not None:
                moments.append(moment)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _keep_time(self) -> None:
        now = time.monotonic()
        self._watching.keep_time(now)
        for worker in self._going:
            if worker.go_until is not None and worker.go_until <= now:
                worker.go_until = None
                worker.send_signal(Signals.SIGKILL)
        for slot in self._slots:
            worker_loading = slot.loading
            if worker_loading is None or worker_loading.hangs:
                continue
            if self._patience.hangs_at(worker_loading) > now or self._stop_began is not None:
                continue
            if worker_loading.is_warm and not worker_loading.pid:
                worker_loading.doomed = worker_loading.ended = True
                self._going.append(worker_loading)
                self._warmth.give_up_waiting(worker_loading)
                self._start(slot, cold=True)
            else:
                worker_loading.hangs = True
                seconds = now - worker_loading.began
                failure = still_importing(seconds, self._stacks(worker_loading))
                self._start_stand_in(slot, failure)
        if self._kill_at is not None and self._kill_at <= now:
            self._kill_at = None
            for process in [*self._workers(), *self._warmth.parents()]:
                process.send_signal(Signals.SIGKILL)

    # The end

    def _relay_died(self) -> None:
        assert self._relay is not None
        self._sources.ignore(self._relay)
        if self._stop_began is None:
            self._terminal.note(
                "the process that does TLS has died: browsers are not answered; start trivet dev"
                " again"
            )

    def _hear_signals(self) -> None:
        for number in self._inbox.read():
            action = ACTIONS[number]
            since = None if self._stop_began is None else time.monotonic() - self._stop_began
            if action == STOP_AT_ONCE or means_stop_at_once(number, since):
                self._stop(0.0)
            elif number == Signals.SIGHUP:
                # The terminal was closed: nobody would find this server, which keeps its port.
                if not self._outlives_terminal:
                    self._stop(STOP_SECONDS)
            elif action == STOP and self._stop_began is None:
                interrupted = number == Signals.SIGINT
                self._stop(STOP_SECONDS if interrupted else self._settings.graceful_timeout)

    def _stop(self, seconds: float) -> None:
        now = time.monotonic()
        self._stop_began = self._stop_began or now
        self._kill_at = now + seconds
        self._listeners.take_no_more()
        self._watching.end()
        self._warmth.drop("")
        for slot in self._slots:
            for unborn in (slot.loading, slot.stand_in):
                if unborn is not None:
                    unborn.discard()
            if slot.serving is not None:
                slot.serving.send_signal(Signals.SIGTERM)
        for worker in self._going:
            worker.send_signal(Signals.SIGTERM)


def _why_not_warm(settings: Settings, debugged: bool) -> str:
    """Why no process is to be warmed; empty when one is."""
    if not settings.warm:
        return "warm is off"
    # It has threads, and a process that has some cannot be inherited safely.
    return editor_debugger.WHY_COLD if debugged else ""
