"""How many wrong tokens there were in this start, counted over all its processes and reloads."""

from __future__ import annotations

import os
from pathlib import Path


class WrongTokens:
    """A file in the session's folder whose size is the count: appending one byte is atomic."""

    def __init__(self, state_directory: Path) -> None:
        self._path = state_directory / "wrong-tokens"

    def count(self) -> int:
        """Return the count. A folder that is gone means that the start is over: no guess counts."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def add(self) -> None:
        """Count one more. Raises OSError when it cannot be counted: then nobody may guess."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, b"x")
        finally:
            os.close(descriptor)
