"""What the supervisor of `trivet dev` waits for, each with what to call; it decides nothing."""

from __future__ import annotations

import selectors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Protocol

    class Source(Protocol):
        """What a selector takes."""

        def fileno(self) -> int: ...


class Sources:
    """A selector whose data are functions. One thread only."""

    def __init__(self) -> None:
        # Not epoll: children are forked, and would share what is registered.
        self._selector = selectors.PollSelector()

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._selector.close()

    def hear(self, file: Source, call: Callable[[], None], *, to_send: bool = False) -> None:
        """Call when something comes, and with `to_send` also when something can go."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if to_send else 0)
        if file.fileno() not in self._selector.get_map():
            self._selector.register(file, wanted, call)
        elif self._selector.get_key(file).events != wanted:
            self._selector.modify(file, wanted, call)

    def hears(self, file: Source) -> bool:
        return file.fileno() in self._selector.get_map()

    def ignore(self, file: Source) -> None:
        """The end of `hear`; does nothing for a file that is closed or unknown."""
        if file.fileno() >= 0 and self.hears(file):
            self._selector.unregister(file)

    def wait(self, seconds: float | None) -> None:
        """Call what there is to call, once, after at most so long."""
        for key, _ in self._selector.select(seconds):
            key.data()
