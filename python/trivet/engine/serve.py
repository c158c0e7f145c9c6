"""Serve an application on listening sockets with the compiled engine, until told to stop."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time

import trivet._engine as compiled
from trivet.engine.config import engine_config
from trivet.engine.memory import forget_free_objects, renew_table_of_starting_threads
from trivet.errors import RequestTimedOut
from trivet.host import open_file_limits
from trivet.observe.log import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trivet.settings.table import Settings

#: What a socket without a host of its own is called in SERVER_NAME (PEP 3333: never empty).
UNIX_SERVER_NAME = "localhost"
DEFAULT_PORTS = {"http": "80", "https": "443"}


class RunningRequest:
    """A request that a thread runs, at one moment; `why` it is told of.

    "running": somebody asked. "slow": it takes long, and goes on. "timed-out": its client got 504.
    "cut": the same, but its answer had begun, so the connection was cut; who asks gets "timed-out"
    for both. "lost": one of these two, and its thread has not come back from the application.
    """

    __slots__ = ("method", "request_id", "seconds", "serial", "target", "thread", "why")

    def __init__(
        self,
        why: str,
        thread: int,
        serial: int,
        method: str,
        target: str,
        request_id: str,
        seconds: float,
    ) -> None:
        self.why = why
        #: As threading.get_ident() names it.
        self.thread = thread
        #: Which of the thread's requests.
        self.serial = serial
        self.method = method
        self.target = target
        self.request_id = request_id
        self.seconds = seconds


def print_error(error: BaseException, environ: dict[str, Any] | None) -> None:
    """Write an exception of the application to standard error, with the request that raised it."""
    if isinstance(error, RequestTimedOut):
        return  # raised by ourselves, after the log had it with a better stack
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    lines = [unforgeable(entry) for entry in lines]
    if environ is not None:
        # What the application has made of its environ.
        method = printable(environ.get("REQUEST_METHOD", "?"))
        target = printable(environ.get("REQUEST_URI", ""))
        lines.insert(0, f"{method} {target} failed:\n".encode("ascii", "backslashreplace").decode())
    sys.stderr.write("".join(lines))
    sys.stderr.flush()


def unforgeable(entry: str) -> str:
    """One entry of a traceback, in which an exception may repeat what a stranger has sent.

    Nothing in it steers a terminal, and later lines are indented, so that none looks like a line of
    the log.
    """
    first, *rest = entry.strip("\n").split("\n")
    shown = [printable(first)]
    shown += [line if line[:1] in ("", " ") else f"    {line}" for line in map(printable, rest)]
    before, after = len(entry) - len(entry.lstrip("\n")), len(entry) - len(entry.rstrip("\n"))
    return "\n" * before + "\n".join(shown) + "\n" * after


#: What the engine tells once when a client speaks another protocol than HTTP/1: names of rejections
#: in crates/trivet-http/src/error.rs, and of events.
OTHER_PROTOCOLS = ("tls-on-plain-port", "http2-preface")


class Engine:
    """The engine of one worker process.

    All methods are called on one thread, the worker's main thread, which never serves requests:
    it puts `fileno()` into its selector and calls `handle_events()` when that is readable.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        settings: Settings,
        listeners: Sequence[socket.socket],
        *,
        multiprocess: bool = False,
        on_error: Callable[[BaseException, dict[str, Any] | None], None] = print_error,
        on_other_protocol: Callable[[str], None] = lambda event: None,
        memory: memoryview | None = None,
    ) -> None:
        """Take over bound, listening sockets; nothing is accepted before `start()`.

        The engine works on duplicates: the caller may close its own sockets at any time.
        `on_error` is called on the serving thread with an exception of the application;
        `on_other_protocol` in `handle_events()` with the name of an event, once for each.
        The counters lie in `memory` (trivet.observe.shared_memory), or in the engine's own.

        Raises OSError when the system gives no descriptors or threads, and SettingError where
        traces are wanted that cannot be made.
        """
        if settings.traces:
            # Here, in the process that serves: what sends the spans has a thread.
            from trivet.observe.trace_provider import traced

            app = traced(app, settings.app)
        self._server = compiled.Server(
            app,
            engine_config(settings, multiprocess=multiprocess, open_files=open_file_limits()[0]),
            [_describe(listener, settings.url_scheme) for listener in listeners],
            on_error,
            memory,
        )
        self._on_other_protocol = on_other_protocol
        #: Those that live; each takes itself out.
        self._threads: set[threading.Thread] = set()
        self._numbers = itertools.count(1)
        self.stopped_accepting = False
        self.drained = False
        self.has_handed_over = False
        self._crowd_gone = False
        #: Called by handle_events() with requests that have become slow or late.
        self.on_late: Callable[[list[RunningRequest]], None] = lambda requests: None

    def start(self) -> None:
        """Begin to accept and serve."""
        self.handle_events()
        if not self._threads:
            self._start_threads(1)

    def fileno(self) -> int:
        """A descriptor that is readable when `handle_events()` has something to do."""
        return self._server.fileno()

    def handle_events(self) -> None:
        """Do what the engine asks for: start threads, note how far a graceful stop has come."""
        events = self._server.events()
        self.stopped_accepting = events["stopped_accepting"]
        self.drained = events["drained"]
        self.has_handed_over = events["handed_over"]
        self._start_threads(events["threads_wanted"])
        for event in OTHER_PROTOCOLS:
            if event in events["other_protocols"]:
                self._on_other_protocol(event)
        self._crowd_gone = self._crowd_gone or events["crowd_gone"]
        # Asked even when nobody cares: it shows the engine that this thread can still run.
        late = self._server.late_requests()
        if late:
            self.on_late([RunningRequest(*told) for told in late])

    def give_memory_back(self) -> None:
        """After a crowd: free what was needed for it. Does nothing at other times.

        To be called when little else is alive, after `handle_events()` has returned: an object that
        was made meanwhile would lie in memory that is to be given back, and keep a megabyte of it.
        """
        if self._crowd_gone:
            self._crowd_gone = False
            forget_free_objects()
            renew_table_of_starting_threads()
            forget_free_objects()  # what that has left
            self._server.give_memory_back()

    def _start_threads(self, count: int) -> None:
        for started in range(count):
            # A real threading.Thread, so that debuggers, profilers and tracers see it. A daemon,
            # because a view that never returns must not keep the process from ending.
            thread = threading.Thread(
                target=self._run_thread, name=f"trivet-{next(self._numbers)}", daemon=True
            )
            self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError:
                self._threads.discard(thread)
                # The system has no more threads: those that are there go on.
                self._server.threads_not_started(count - started)
                return

    def _run_thread(self) -> None:
        """Serve on the calling thread until the engine does not need it."""
        try:
            self._server.run_thread()
        finally:
            # The object of a thread that has ended holds locks, and each of them a page of memory.
            self._threads.discard(threading.current_thread())

    def running(self) -> list[RunningRequest]:
        """What the threads run now."""
        return [RunningRequest(*told) for told in self._server.running()]

    def interrupt(self, request: RunningRequest) -> bool:
        """Raise RequestTimedOut in the thread of a request that has timed out.

        False when it is over by now. Python raises it when the thread runs Python code again: a
        call that blocks ends first.
        """
        return self._server.interrupt(request.thread, request.serial, RequestTimedOut)

    def set_alarm(self, signal: int, stacks: int, link: int, kind: str) -> None:
        """What the engine does when a request is late and `handle_events()` is not called.

        It raises `signal`, whose handler writes stacks into the file `stacks`, and sends a line
        that begins with `kind` to `link`. Descriptors are duplicated; -1 is none.
        """
        self._server.set_alarm(signal, stacks, link, kind)

    def write_access_log_to(self, descriptor: int) -> None:
        """Write the access log there, and no more to standard output; the caller keeps its own."""
        self._server.write_access_log_to(descriptor)

    def withdraw_readiness(self) -> None:
        """Let the check of readiness fail from now on; everything is served as before."""
        self._server.withdraw_readiness()

    def drain(self) -> None:
        """Begin a graceful stop: accept what waits, answer everything, keep no connection.

        `stopped_accepting` and then `drained` become true, announced by `fileno()`.
        """
        self._server.drain()

    def hand_over(self) -> None:
        """Stop accepting, and leave connections to another process between two requests.

        Who waits to be accepted stays there. Requests that have begun are answered; `drained`
        becomes true when no connection is left, `has_handed_over` whenever there are some to take.
        """
        self._server.hand_over()

    def take_handed_over(self) -> list[tuple[int, str, bytes]]:
        """The connections given up: descriptor (the caller's now), what the engine knows of
        it, and what the client has sent of a request that has not begun.
        """
        self.has_handed_over = False
        return self._server.take_handed_over()

    def adopt(self, descriptor: int, about: str, received: bytes) -> None:
        """Serve a connection that another engine gave up; the descriptor becomes the engine's."""
        self._server.adopt(descriptor, about, received)

    def stop(self) -> None:
        """Close every connection now. Threads end as soon as their application returns."""
        self._server.stop()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the threads to end after `stop()`; false when some are still in the app."""
        deadline = time.monotonic() + timeout_seconds
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in list(self._threads))

    def tell_after_requests(self, count: int) -> None:
        """Make `fileno()` readable once, after `count` more requests have been answered."""
        self._server.tell_after_requests(count)

    def stats(self) -> dict[str, int]:
        """Every counter of the engine by its name."""
        return self._server.stats()


def _describe(listener: socket.socket, scheme: str) -> tuple[int, bool, str, str]:
    """A socket as the engine takes it: descriptor, whether Unix, SERVER_NAME, SERVER_PORT."""
    if listener.family == getattr(socket, "AF_UNIX", None):
        return listener.fileno(), True, UNIX_SERVER_NAME, DEFAULT_PORTS[scheme]
    host, port = listener.getsockname()[:2]
    return listener.fileno(), False, host, str(port)
