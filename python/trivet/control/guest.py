"""Make the control socket a guest of the supervisor's loop; imports what answers when asked.

On the way of every start: reading JSON and the rest is loaded with the first connection.
"""

from __future__ import annotations

import selectors

from trivet.control.listener import open_control

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping
    from types import TracebackType

    from trivet.control.listener import ControlListener
    from trivet.control.server import ControlServer
    from trivet.observe.log import Log
    from trivet.supervisor.loop import Supervisor


class controlled:  # noqa: N801 - read as a word: with controlled(supervisor, …)
    """While a supervisor runs, let it be controlled over the socket that the setting names."""

    def __init__(
        self,
        supervisor: Supervisor,
        setting: str,
        environ: Mapping[str, str],
        log: Log,
        *,
        waits: bool = False,
    ) -> None:
        self._control = open_control(setting, environ, log, waits=waits)
        if self._control is not None:
            ControlGuest(supervisor, self._control)

    def take_place(self) -> None:
        """With `waits`: be found from now on."""
        if self._control is not None:
            self._control.take_place()

    def __enter__(self) -> controlled:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Never in a worker, whose life ends inside of the supervisor's loop (child.py).
        if self._control is not None:
            self._control.close()


class ControlGuest:
    """The control socket of one supervisor."""

    def __init__(self, supervisor: Supervisor, control: ControlListener) -> None:
        self._supervisor = supervisor
        self._listener = control.listener
        self._server: ControlServer | None = None
        supervisor.register(self._listener, selectors.EVENT_READ, self._accept)
        supervisor.close_in_workers(self._close_in_worker)

    def _accept(self) -> None:
        if self._server is None:
            from trivet.control.server import ControlServer

            self._server = ControlServer(self._supervisor)
        self._server.accept(self._listener)

    def _close_in_worker(self) -> None:
        """A client must see the end of its connection when the supervisor ends, not later."""
        self._listener.close()
        if self._server is not None:
            self._server.close()
