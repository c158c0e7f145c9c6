"""News for browsers inside one worker process: who publishes, who listens; no HTTP here.

Published by the worker's main thread or any app thread; each subscription is read by the one
thread that answers its browser. One condition guards everything, and is never held while waiting
for anything but itself.
"""

from __future__ import annotations

import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: A browser that does not read loses its oldest news: only the newest state matters to it.
MOST_WAITING_NEWS = 32


class Broadcast:
    """News such as `{"kind": "ready"|"css"|"reload"|"error"|"cut", ...}`; one per worker process.

    `generation` is the number of the worker's code, which rises with each reload.
    """

    def __init__(self, generation: int, changes: int = 0) -> None:
        self.generation = generation
        #: How many changes without new code there were up to now, in all workers of this start.
        self.changes = changes
        self._condition = threading.Condition()
        self._subscriptions: list[Subscription] = []
        self._closed = False

    def publish(self, news: dict[str, object]) -> None:
        """Give `news` to everybody who listens now."""
        with self._condition:
            for subscription in self._subscriptions:
                subscription.waiting.append(news)
            self._condition.notify_all()

    def publish_change(self, news: dict[str, object], number: int) -> None:
        """Files changed that need no new code: the `number`-th time of this start."""
        # First: whoever subscribes from now on is greeted with it.
        self.changes = number
        self.publish({**news, "changes": number})

    def subscribe(self) -> Subscription:
        """Listen from now on. The subscription ends by its own `close()` or the broadcast's."""
        with self._condition:
            subscription = Subscription(self, self._condition)
            if self._closed:
                subscription.closed = True
            else:
                self._subscriptions.append(subscription)
            return subscription

    def close(self) -> None:
        """End all subscriptions, after what was published: the worker is about to go."""
        with self._condition:
            self._closed = True
            for subscription in self._subscriptions:
                subscription.closed = True
            self._subscriptions.clear()
            self._condition.notify_all()

    def forget(self, subscription: Subscription) -> None:
        """Called by a subscription that was closed by itself."""
        with self._condition:
            subscription.closed = True
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
            self._condition.notify_all()


class Subscription:
    """News for one listener, in their order. Iterating blocks until there are some, or the end."""

    def __init__(self, broadcast: Broadcast, condition: threading.Condition) -> None:
        self._broadcast = broadcast
        self._condition = condition
        #: Guarded by the condition.
        self.waiting: deque[dict[str, object]] = deque(maxlen=MOST_WAITING_NEWS)
        self.closed = False

    def next(self, timeout_seconds: float | None = None) -> dict[str, object] | None:
        """The next news; None when there were none for so long. Raises StopIteration at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self.waiting or self.closed, timeout_seconds)
            if self.waiting:
                return self.waiting.popleft()
            if self.closed:
                raise StopIteration
            return None

    def __iter__(self) -> Iterator[dict[str, object]]:
        while True:
            try:
                news = self.next()
            except StopIteration:
                return
            if news is not None:
                yield news

    def close(self) -> None:
        """Stop listening; a thread that waits in `next()` comes back."""
        self._broadcast.forget(self)
