"""What workers say over their links, and what follows from it; messages.py has the words.

All of it runs in the supervisor's only thread, called by its loop when a link is readable, and once
more when the worker has been reaped.
"""

from __future__ import annotations

import os
import time
from functools import partial
from signal import Signals

from trivet.observe.log import three_digits
from trivet.supervisor.failure import rebuild_error
from trivet.worker import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.supervisor.child import Child
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.slot import Slot
    from trivet.worker.messages import Message


class Hearing:
    """Hears the workers of one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._written_notes: set[str] = set()
        #: Every worker was ready once, and whoever waited for that has been told.
        self._announced = False

    def hear(self, slot: Slot, child: Child) -> None:
        """Take what a worker has said since."""
        if child.link.fileno() < 0:
            return  # it ended while earlier news of the same round were handled
        try:
            received = child.hear()
        except ValueError as error:
            # The link can no longer be trusted, so the worker has to go.
            self._supervisor.log.emit(
                "worker-bug",
                worker=child.number,
                pid=child.pid,
                error=f"it sent what is no message: {error}",
            )
            child.send_signal(Signals.SIGKILL)
            received = []
        for message in received:
            self._handle(slot, child, message)
        if child.hung_up:
            self._supervisor.crew.let_go_of_link(child)

    def _handle(self, slot: Slot, child: Child, message: Message) -> None:
        supervisor = self._supervisor
        match message.kind:
            case messages.READY if child in supervisor.crew.parents:
                supervisor.crew.parent_is_ready(child)
            case messages.READY:
                self._worker_is_ready(slot, child)
            case messages.NOTE:
                self._write_note(message)
            case messages.FAILED:
                self._worker_failed(child, message)
            case messages.STOPPED_ACCEPTING:
                child.stopped_accepting = True
                supervisor.stopping.close_listeners_when_unused()
                supervisor.replacing.close_addresses_left()
                supervisor.replacing.go_on()
            case messages.RETIRE:
                supervisor.replacing.retire_child(slot, child, str(message.data.get("reason")))
            case messages.STUCK:
                self._worker_is_stuck(slot, child, message)
            case messages.ANSWER:
                supervisor.questions.take(message)

    def _worker_is_ready(self, slot: Slot, child: Child) -> None:
        if child.told_to_stop:
            return  # it became ready just before it heard of that, and finishes what it took
        supervisor = self._supervisor
        child.ready = supervisor.crew.proven = True
        if supervisor.stopping.is_announced:
            child.tell(messages.Message(messages.NOT_READY))
        supervisor.log.emit(
            "worker-ready", worker=child.number, pid=child.pid, seconds=child.lived_seconds
        )
        most_seconds = child.plan.settings.max_age
        if most_seconds:
            reason = f"it has served for {three_digits(most_seconds)} s (max_age)"
            retire = partial(supervisor.replacing.retire_child, slot, child, reason)
            supervisor.at(time.monotonic() + most_seconds, retire)
        supervisor.replacing.take_into_service(slot, child)
        self._announce_server()

    def _announce_server(self) -> None:
        supervisor = self._supervisor
        slots = supervisor.crew.slots
        if self._announced or supervisor.is_ending or not all(slot.serves for slot in slots):
            return
        self._announced = True
        seconds = time.monotonic() - supervisor.began
        supervisor.on_ready()
        supervisor.log.emit("server-ready", seconds=seconds, pid=os.getpid())
        supervisor.service_manager.is_ready(f"{len(slots)} workers serve")
        supervisor.run_hook("when_ready")

    def _worker_is_stuck(self, slot: Slot, child: Child, message: Message) -> None:
        """Something holds its interpreter: it can neither finish nor hear anything."""
        from trivet.supervisor.stuck import described

        child.stuck = True
        requests, about = described(message.data)
        self._supervisor.log.emit(
            "worker-stuck", worker=child.number, pid=child.pid, requests=requests, **about
        )
        self._supervisor.replacing.retire_child(slot, child, "something holds its interpreter")

    def _write_note(self, message: Message) -> None:
        """Log what every worker notices in the app, once."""
        fields = message.data.get("fields")
        key = f"{message.data.get('event')} {fields}"
        if key in self._written_notes or not isinstance(fields, dict):
            return
        self._written_notes.add(key)
        self._supervisor.log.emit(str(message.data["event"]), **fields)

    def _worker_failed(self, child: Child, message: Message) -> None:
        child.failed = True
        supervisor = self._supervisor
        error = rebuild_error(message.data, colour=supervisor.log.colour)
        if not supervisor.crew.proven:
            supervisor.stopping.give_up(error)
        elif supervisor.replacing.is_of_reload(child):
            supervisor.replacing.fail(error)
        elif not supervisor.is_ending and not child.told_to_stop:
            supervisor.log.emit(
                "worker-failed",
                worker=child.number,
                pid=child.pid,
                error=error.what,
                name=error.name,
                detail=error.explanation,
            )
