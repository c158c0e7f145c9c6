"""What a worker shows of itself in shared memory: requests that run, and slow routes; for reading.

The engine writes it (crates/trivet-server/src/board.rs), without Python, so that a worker whose
interpreter is held is seen as well. Each entry has a version that is odd while it is written.
"""

from __future__ import annotations

from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator

#: Entries of each kind, 64-bit words of an entry, and those of them that hold text.
ENTRIES, WORDS, TEXT_WORDS = 32, 16, 10
BOARD_BYTES = 2 * ENTRIES * WORDS * 8

#: An entry is written within a microsecond: whoever finds it half written again and again looks at
#: one whose writer has died.
ATTEMPTS = 8


class RunningEntry:
    """A request that runs: since when on the monotonic clock, its thread, method and target."""

    __slots__ = ("began", "request", "thread")

    def __init__(self, began: float, thread: int, request: str) -> None:
        self.began = began
        self.thread = thread
        self.request = request


class RouteEntry:
    """A route and those of its requests that took a millisecond or more, in seconds."""

    __slots__ = ("count", "longest", "route", "total")

    def __init__(self, route: str, count: int, total: float, longest: float) -> None:
        self.route = route
        self.count = count
        self.total = total
        self.longest = longest


def running(board: memoryview) -> list[RunningEntry]:
    """The requests that run, of a board as 64-bit words."""
    return [
        RunningEntry(numbers[0] / 1000, numbers[1], text) for numbers, text in _entries(board, 0)
    ]


def routes(board: memoryview) -> list[RouteEntry]:
    """The slow routes, of a board as 64-bit words."""
    return [
        RouteEntry(text, numbers[0], numbers[1] / 1e6, numbers[2] / 1e6)
        for numbers, text in _entries(board, ENTRIES)
    ]


def merged(found: list[RouteEntry]) -> list[RouteEntry]:
    """The routes of several processes together, those whose requests take longest first."""
    by_name: dict[str, RouteEntry] = {}
    for entry in found:
        known = by_name.setdefault(entry.route, RouteEntry(entry.route, 0, 0.0, 0.0))
        known.count += entry.count
        known.total += entry.total
        known.longest = max(known.longest, entry.longest)
    return sorted(by_name.values(), key=lambda entry: entry.total / entry.count, reverse=True)


def _entries(board: memoryview, first: int) -> Iterator[tuple[list[int], str]]:
    for place in range(first, first + ENTRIES):
        entry = _read(board, place * WORDS)
        if entry is None:
            continue
        length = entry[WORDS - TEXT_WORDS - 1]
        if length:
            text = b"".join(word.to_bytes(8, byteorder) for word in entry[-TEXT_WORDS:])
            yield entry[1:-TEXT_WORDS], text[:length].decode("utf-8", "backslashreplace")


def _read(board: memoryview, at: int) -> list[int] | None:
    """The words of an entry at one moment; None when there is no such moment."""
    for _ in range(ATTEMPTS):
        words = board[at : at + WORDS].tolist()
        if words[0] % 2 == 0 and words[0] == board[at]:
            return words
    return None
