"""The functions of the user's that a worker calls at its moments; mostly none. See app/hooks.py."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.app.hooks import Hooks


class WorkerHooks:
    """Those of one worker, called in its main thread."""

    def __init__(self, hooks: Hooks | None, number: int) -> None:
        self._hooks = hooks
        self._number = number
        self._began = time.monotonic()

    def import_all(self) -> None:
        """Find wrong names before the first request. Raises HookFailed."""
        if self._hooks is not None:
            self._hooks.import_for("worker")

    def run(self, name: str, **about: object) -> None:
        """Call one; what it raises goes to the log."""
        if self._hooks is not None:
            self._hooks.run(name, **self._about(), **about)

    def run_at_start(self, name: str) -> None:
        """Call one without which this worker must not start. Raises HookFailed."""
        if self._hooks is not None:
            self._hooks.run_at_start(name, **self._about())

    def _about(self) -> dict[str, object]:
        age = time.monotonic() - self._began
        return {"worker": self._number, "worker_pid": os.getpid(), "worker_age": age}
