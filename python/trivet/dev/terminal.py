"""What `trivet dev` says in the terminal: one line for each thing that happens, no keys yet."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Terminal:
    """Lines on standard error. Used by the supervisor alone."""

    def started(self, **facts: object) -> None:
        self._say("started", **facts)

    def reloading(self, paths: Sequence[str]) -> None:
        self._say("reloading", paths=", ".join(paths))

    def reloaded(self, seconds: float, warm: bool, why_cold: str) -> None:
        self._say("reloaded", seconds=f"{seconds:.3f}", warm=warm, why_cold=why_cold)

    def failed(self, error: dict[str, str]) -> None:
        self._say("failed", **error)

    def recovered(self, seconds: float, warm: bool, why_cold: str) -> None:
        self._say("recovered", seconds=f"{seconds:.3f}", warm=warm, why_cold=why_cold)

    def note(self, text: str) -> None:
        self._say("note", text=text)

    def request(self, line: dict[str, object]) -> None:
        self._say("request", **line)

    def fileno(self) -> int:
        """Where keys come from; -1 is nowhere."""
        return -1

    def read_keys(self) -> list[str]:
        return []

    def close(self) -> None:
        """Leave the terminal as it was."""

    def _say(self, event: str, **fields: object) -> None:
        pairs = " ".join(f"{name}={value!r}" for name, value in fields.items())
        try:
            sys.stderr.write(f"{event} {pairs}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass  # nobody reads it
