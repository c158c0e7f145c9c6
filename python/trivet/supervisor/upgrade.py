"""Replace the whole server by a new one, with Trivet and Python as they are installed now.

The supervisor starts the same command again as a child that inherits the listening sockets
(predecessor.py is that side). When the workers of the new one are ready, it gets the sockets for
its own, and closes the link when the files that name a server, of its pid and its control socket,
name the new one. Then this server ends gracefully: at no moment is there none of them. Until it has
handed over nothing has been lost: a new one that fails ends, and this one goes on.

The two may be of different versions. What they say to each other, in the variable and over the
link, may get more fields, and must never lose one. All of it runs in the supervisor's only thread,
but for `_become`, which is the child's.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from functools import partial
from signal import Signals

from trivet.errors import HostError, TrivetError, WorkersKeepFailing
from trivet.supervisor.restart import how_it_ended
from trivet.worker import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    import socket
    from typing import NoReturn

    from trivet.supervisor.activation import PassedSockets
    from trivet.supervisor.child import Child
    from trivet.supervisor.listeners import Listeners
    from trivet.supervisor.loop import Supervisor
    from trivet.supervisor.rolling import Done

#: What an upgrade tells the new server: its pid, and the numbers of descriptors.
VARIABLE = "TRIVET_PREDECESSOR"

#: The process that ends its container when it ends.
CONTAINER_INIT = 1

#: Set by systemd for the process that it starts, to the pid of that (systemd.exec(5)).
STARTED_BY_SYSTEMD = "SYSTEMD_EXEC_PID"

#: The child's exit code when it cannot become the new server, as shells have it.
NOT_EXECUTED = 127


class Relaunch:
    """How this server was started: where, and with which sockets of a service manager."""

    def __init__(self, directory: str, passed: PassedSockets) -> None:
        self.directory = directory
        self.passed = passed


def logical_directory(environ: os._Environ[str]) -> str:
    """The directory of the start, by the name that the shell had for it.

    That name may go over a symbolic link, which a deployment switches.
    """
    named = environ.get("PWD", "")
    try:
        if os.path.isabs(named) and os.path.samefile(named, os.curdir):
            return named
    except OSError:
        pass  # it names nothing (any more)
    return os.getcwd()


class Upgrade:
    """Replaces one supervisor's server. `relaunch` is None where that cannot be."""

    def __init__(self, supervisor: Supervisor, relaunch: Relaunch | None) -> None:
        self._supervisor = supervisor
        self._relaunch = relaunch
        #: The new server's supervisor, until it has ended or this process has.
        self.successor: Child | None = None
        self._handed_over = False
        self._error: TrivetError | None = None
        self._waiting: list[Done] = []
        #: Listening sockets of guests, which are registered in the loop; a new server has use for
        #: them too.
        self.guests: list[Listeners] = []

    @property
    def is_under_way(self) -> bool:
        """There is a new server, and this one has not handed over."""
        return self.successor is not None and not self._handed_over

    def begin(self, cause: str, done: Done | None = None) -> None:
        """Start the new server. `done` is called when it has taken over, or with the reason why
        not."""
        waiting = [] if done is None else [done]
        reason = self._why_not()
        if reason is not None:
            self._tell_failure(reason, waiting)
            return
        self._waiting, self._error = waiting, None
        self._supervisor.run_hook("pre_exec", cause=cause)
        try:
            child = self._start()
        except OSError as error:
            self._fail(HostError(f"no process could be started: {error.strerror or error}"))
            return
        self.successor = child
        self._supervisor.register(child.link, selectors.EVENT_READ, partial(self._hear, child))
        self._supervisor.log.emit("upgrading", cause=cause, pid=child.pid)

    def _why_not(self) -> HostError | None:
        """What stands in the way of an upgrade."""
        stopping = self._supervisor.stopping
        if self._supervisor.is_ending or stopping.is_announced:
            return HostError("the server is about to stop")
        if self._relaunch is None or not sys.executable:
            return HostError(
                "this server was started by a script, which alone knows how to start it again",
                hint="stop it with SIGTERM and start the script again",
            )
        if self.successor is not None:
            return HostError(
                f"an upgrade is under way: process {self.successor.pid}",
                hint=f"wait for it, or give it up with `kill {self.successor.pid}`",
            )
        if os.getpid() == CONTAINER_INIT:
            return HostError(
                "the server is process 1 of its container, which ends with it",
                hint="`trivet reload` takes new code of the app; for a new Trivet start a new "
                "container, or run the server below an init, such as with docker run --init",
            )
        manager = self._supervisor.service_manager
        if os.environ.get(STARTED_BY_SYSTEMD) == str(os.getpid()) and not manager.listens:
            return HostError(
                "systemd would take the end of this process for the end of the service",
                hint="set Type=notify or notify-reload in its unit, so that it is told of the new "
                "process",
            )
        return None

    def _start(self) -> Child:
        """Fork the child that becomes the new server. Raises OSError."""
        from trivet.supervisor.child import Child, fork_with_link

        pid, link = fork_with_link([], self._become)
        return Child(0, pid, link, self._supervisor.crew.plan)

    def _become(self, link: socket.socket, blocked: set[Signals | int]) -> NoReturn:
        """In the child: execute the command of the start, with the sockets and a link."""
        assert self._relaunch is not None, "_why_not has looked at that"
        try:
            listeners = (self._supervisor.listeners, *self.guests)
            sockets = [described for one in listeners for described in one.describe()]
            for descriptor in (link.fileno(), *(int(str(one["descriptor"])) for one in sockets)):
                os.set_inheritable(descriptor, True)
            import json

            passed = self._relaunch.passed
            told = {
                "pid": os.getppid(),
                "link": link.fileno(),
                "workers": len(self._supervisor.crew.kept),
                "sockets": sockets,
                "passed": [address.file_descriptor for address in passed.addresses],
                "names": passed.names,
            }
            environment = {
                **os.environ,
                **self._supervisor.service_manager.environment(),
                VARIABLE: json.dumps(told),
            }
            os.chdir(self._relaunch.directory)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
        except BaseException as error:  # noqa: BLE001 - the stack below is the supervisor's
            what = f"the command of the start cannot be executed again: {error}"
            failed = messages.Message(
                messages.FAILED, {"name": HostError.name, "what": what, "hint": "", "details": ""}
            )
            link.sendall(messages.encode(failed))
        finally:
            os._exit(NOT_EXECUTED)

    def _hear(self, child: Child) -> None:
        try:
            received = child.hear()
        except ValueError as error:
            self._error = HostError(f"the new server says what this one does not know: {error}")
            child.send_signal(Signals.SIGTERM)
            received = []
        for message in received:
            if message.kind == messages.FAILED:
                from trivet.supervisor.failure import rebuild_error

                self._error = rebuild_error(message.data, colour=self._supervisor.log.colour)
            elif message.kind == messages.READY and not self._supervisor.is_ending:
                self._hand_over(child, message.data.get("kept"))
        if child.hung_up:
            self._supervisor.crew.let_go_of_link(child)
            if self._handed_over:
                self._has_taken_over(child)

    def _hand_over(self, child: Child, kept: object) -> None:
        """The new server is ready: what it uses is its own from now on, and this one ends."""
        supervisor = self._supervisor
        # First of all: the new process speaks to the manager as soon as it has heard of this.
        supervisor.service_manager.hand_over_to(child.pid)
        if not child.tell(messages.Message(messages.TAKE_OVER)):
            # It has just ended, which will be told.
            supervisor.service_manager.is_silent = False
            supervisor.service_manager.is_ready("the new server has ended, the old one goes on")
            return
        self._handed_over = True
        descriptors = set(kept) if isinstance(kept, list) else set()
        supervisor.listeners.give_away(descriptors)
        for guest in self.guests:
            for listener in guest.sockets:
                supervisor.unregister(listener)
            guest.give_away(descriptors)
            guest.close()
        supervisor.log.emit("handed-over", pid=child.pid)

    def _has_taken_over(self, child: Child) -> None:
        """The new server has its place, or has ended although all was given to it."""
        self._tell_success()
        stopping = self._supervisor.stopping
        stopping.stop_after_hand_over(f"the new server, pid {child.pid}, serves")

    def reap(self) -> None:
        """See whether the new server has ended; before it has taken over, that is a failure."""
        child = self.successor
        if child is None:
            return
        ended, status = child.reap()
        if not ended:
            return
        if child.link.fileno() >= 0:
            self._hear(child)  # its last words
        self._supervisor.crew.let_go_of_link(child)
        self.successor = None
        if self._handed_over:
            self._has_taken_over(child)
        else:
            how = f"the new server (pid {child.pid}) {how_it_ended(status)} before it was ready"
            self._fail(self._error or WorkersKeepFailing(how, hint="the log may say more"))

    def give_up(self, number: Signals) -> None:
        """This server ends: one that has not taken over has to end as well."""
        if self.is_under_way and self.successor is not None:
            self._error = HostError("the server was told to stop during the upgrade")
            self.successor.send_signal(number)
        elif self._handed_over:
            self._tell_success()

    def close_in_child(self) -> None:
        """In a worker: the new server must see when this supervisor ends, not later."""
        if self.successor is not None and self.successor.link.fileno() >= 0:
            self.successor.link.close()

    def _tell_success(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(None)

    def _fail(self, error: TrivetError) -> None:
        waiting, self._waiting = self._waiting, []
        self._tell_failure(error, waiting)

    def _tell_failure(self, error: TrivetError, waiting: list[Done]) -> None:
        self._supervisor.log.emit(
            "upgrade-failed",
            error=error.what,
            name=error.name,
            detail=error.explanation,
        )
        for done in waiting:
            done(error)
