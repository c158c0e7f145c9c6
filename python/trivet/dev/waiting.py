"""Connections that nobody serves at the moment: kept between two workers; nothing else is kept.

Runs in the supervisor's only thread.
"""

from __future__ import annotations

from collections import deque
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trivet.dev.hand_over import Connection
    from trivet.dev.processes import Worker
    from trivet.dev.sources import Sources


class WaitingConnections:
    """Takes connections from workers that go, and gives them to those that serve.

    `serving` says who serves at this moment.
    """

    def __init__(self, sources: Sources, serving: Callable[[], Iterable[Worker]]) -> None:
        self._sources = sources
        self._serving = serving
        self._held: deque[Connection] = deque()

    def hear(self, worker: Worker) -> None:
        """Take what the worker has given away, and send on what waits for it."""
        channel = worker.channel
        self._held.extend(channel.receive())
        channel.flush()
        if channel.hung_up:
            self._held.extend(channel.take_unsent())
            self._sources.ignore(channel)
        self.deliver()

    def deliver(self) -> None:
        """Give the connections that wait to whoever serves."""
        servers = [worker for worker in self._serving() if not worker.channel.hung_up]
        turn = 0
        while self._held and servers:
            servers[turn % len(servers)].channel.send(self._held.popleft())
            turn += 1

    def watch(self, worker: Worker) -> None:
        """Hear of the channel when it can take what could not be sent at once."""
        channel = worker.channel
        if self._sources.hears(channel):
            self._sources.hear(channel, partial(self.hear, worker), to_send=channel.wants_to_send)

    def close(self) -> None:
        for connection in self._held:
            connection.close()
