"""Serve an application on listening sockets with the compiled engine, until told to stop."""

from __future__ import annotations

import socket
import sys
import threading
import time

import trivet._engine as compiled
from trivet.engine.config import engine_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trivet.settings.table import Settings

#: What a socket without a host of its own is called in SERVER_NAME (PEP 3333: never empty).
UNIX_SERVER_NAME = "localhost"
DEFAULT_PORTS = {"http": "80", "https": "443"}


def print_error(error: BaseException, environ: dict[str, Any] | None) -> None:
    """Write an exception of the application to standard error, with the request that raised it."""
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    if environ is not None:
        target = str(environ.get("REQUEST_URI", "")).encode("ascii", "backslashreplace").decode()
        lines.insert(0, f"{environ.get('REQUEST_METHOD', '?')} {target} failed:\n")
    sys.stderr.write("".join(lines))
    sys.stderr.flush()


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
        memory: memoryview | None = None,
    ) -> None:
        """Take over bound, listening sockets; nothing is accepted before `start()`.

        The engine works on duplicates: the caller may close its own sockets at any time.
        `on_error` is called on the serving thread with an exception of the application.
        The counters lie in `memory` (trivet.observe.shared_memory), or in the engine's own.

        Raises OSError when the system gives no descriptors or threads.
        """
        self._server = compiled.Server(
            app,
            engine_config(settings, multiprocess=multiprocess),
            [_describe(listener, settings.url_scheme) for listener in listeners],
            on_error,
            memory,
        )
        self._threads: list[threading.Thread] = []
        self._started = 0
        self.stopped_accepting = False
        self.drained = False

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
        self._start_threads(events["threads_wanted"])

    def _start_threads(self, count: int) -> None:
        for started in range(count):
            self._started += 1
            # A real threading.Thread, so that debuggers, profilers and tracers see it. A daemon,
            # because a view that never returns must not keep the process from ending.
            thread = threading.Thread(
                target=self._server.run_thread, name=f"trivet-{self._started}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                # The system has no more threads: those that are there go on.
                self._server.threads_not_started(count - started)
                return
            self._threads.append(thread)

    def drain(self) -> None:
        """Begin a graceful stop: accept what waits, answer everything, keep no connection.

        `stopped_accepting` and then `drained` become true, announced by `fileno()`.
        """
        self._server.drain()

    def stop(self) -> None:
        """Close every connection now. Threads end as soon as their application returns."""
        self._server.stop()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the threads to end after `stop()`; false when some are still in the app."""
        deadline = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

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
