"""The watcher as the supervisor sees it: started, heard, told of more; how it sees is in watch.py.

All of it runs in the supervisor's only thread.
"""

from __future__ import annotations

import time
from dataclasses import replace
from signal import SIGKILL

from trivet.dev import messages
from trivet.dev.processes import start_watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from trivet.dev.processes import WatcherProcess
    from trivet.dev.screen import StartFacts
    from trivet.dev.sources import Sources
    from trivet.dev.terminal import Terminal
    from trivet.dev.watch import WatchPlan
    from trivet.worker.messages import Message

#: The start screen tells what is watched, but a person waits so long at most for the address.
START_SCREEN_SECONDS = 0.5

#: How changes are found, in words.
HOW_IT_WATCHES = {"events": "told by the system", "looks": "looked at again and again"}


class Watching:
    """Passes on what has changed, and completes the start screen.

    `changed` is called with pairs of kind and path.
    """

    def __init__(
        self,
        plan: WatchPlan | None,
        sources: Sources,
        terminal: Terminal,
        facts: StartFacts,
        changed: Callable[[Sequence[tuple[str, str]]], None],
    ) -> None:
        self._plan = plan
        self._sources = sources
        self._terminal = terminal
        self._facts = facts
        self._changed = changed
        self._watcher: WatcherProcess | None = None
        self._start_screen_at: float | None = None

    @property
    def is_wanted(self) -> bool:
        return self._plan is not None

    @property
    def process(self) -> WatcherProcess | None:
        """None before the start, after the end, and where nothing is watched."""
        return self._watcher

    def start(self, close_in_child: Callable[[], None], listeners: Sequence[socket.socket]) -> None:
        if self._plan is None:
            self._terminal.started(replace(self._facts, watch="nothing: reload is off"))
            return
        self._watcher = start_watcher(self._plan, close_in_child, listeners)
        self._sources.hear(self._watcher.link, self._hear)
        self._start_screen_at = time.monotonic() + START_SCREEN_SECONDS

    def watch_also(self, files: object) -> None:
        """Files that were imported, wherever they lie."""
        if self._watcher is not None and files:
            self._watcher.link.send(messages.ALSO, paths=files)

    def next_moment(self) -> float | None:
        """When `keep_time` has something to do (monotonic)."""
        return self._start_screen_at

    def keep_time(self, now: float) -> None:
        if self._start_screen_at is not None and self._start_screen_at <= now:
            self._start_screen_at = None
            self._terminal.starting(replace(self._facts, watch="looking at the files …"))

    def reap(self, *, stopping: bool) -> None:
        """Take leave of the watcher when it has ended."""
        if self._watcher is not None and self._watcher.reap()[0]:
            self._sources.ignore(self._watcher.link)
            self._watcher.link.close()
            self._watcher = None
            if not stopping:
                self._terminal.note("the watcher has died: changes are not seen any more")

    def end(self) -> None:
        if self._watcher is not None:
            self._watcher.send_signal(SIGKILL)

    def _hear(self) -> None:
        watcher = self._watcher
        if watcher is None:
            return
        for message in watcher.link.receive():
            if message.kind == messages.WATCHING:
                self._started(message)
            elif message.kind == messages.SEEN:
                changes = message.data["changes"]
                if isinstance(changes, list):
                    self._changed([(str(kind), str(path)) for kind, path in changes])
            elif message.kind == messages.NOTE:
                self._terminal.note(str(message.data.get("text", "")))
        if watcher.link.hung_up:
            self._sources.ignore(watcher.link)

    def _started(self, message: Message) -> None:
        """The watcher watches: now all is known that a person is told at the start."""
        counts = message.data.get("counts")
        parts = (
            [f"{count} {kind}" for kind, count in counts.items()]
            if isinstance(counts, dict)
            else []
        )
        why = f" ({message.data['why']})" if message.data["why"] else ""
        self._start_screen_at = None
        notes = self._facts.notes
        if not message.data["gitignore"]:
            notes += (
                ".gitignore is not read: pathspec is not installed (pip install trivet[dev])",
            )
        watch = (
            f"{', '.join(parts) or 'no files'} · {HOW_IT_WATCHES[str(message.data['how'])]}{why}"
        )
        self._terminal.started(replace(self._facts, watch=watch, notes=notes))
