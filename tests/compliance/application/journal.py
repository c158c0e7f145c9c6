"""What views did, in memory, so that tests can wait for it; and gates that tests open.

Every view runs in a thread, every question of a test in another: all state is under one lock.
"""

import threading
from collections import defaultdict

# Longer than any event takes, shorter than the patience of a test's socket.
WAIT_SECONDS = 10.0

_changed = threading.Condition()
_entries: dict[str, list[str]] = defaultdict(list)
_open_gates: set[str] = set()


def record(key: str, entry: str) -> None:
    """Write one entry into the journal of `key`."""
    with _changed:
        _entries[key].append(entry)
        _changed.notify_all()


def entries(key: str) -> list[str]:
    with _changed:
        return list(_entries[key])


def wait_for(key: str, prefix: str) -> bool:
    """Return True when an entry that starts with `prefix` is there, False when time is up."""
    with _changed:
        return _changed.wait_for(
            lambda: any(entry.startswith(prefix) for entry in _entries[key]), WAIT_SECONDS
        )


def open_gate(key: str) -> None:
    with _changed:
        _open_gates.add(key)
        _changed.notify_all()


def wait_at_gate(key: str) -> None:
    """Return when a test has opened the gate. Raises TimeoutError, so that no view hangs."""
    with _changed:
        if not _changed.wait_for(lambda: key in _open_gates, WAIT_SECONDS):
            raise TimeoutError(f"nobody opened the gate {key!r}")
