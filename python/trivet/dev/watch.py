"""The watcher: a process that says which files have new contents; what follows is not here.

A process of its own, because watching needs threads and the supervisor forks. The main thread
watches; one thread hears the supervisor. The system tells of changes: on Linux through inotify.py,
elsewhere through the library `watchfiles`. Without that, and on file systems that tell nothing,
every file is looked at again and again.
"""

from __future__ import annotations

import os
import select
import socket
import sysconfig
import threading
import time
from dataclasses import dataclass
from functools import partial

from trivet.dev import inotify, messages
from trivet.dev.changes import CONFIGURATION, INSTALLED_SUFFIXES, PACKAGES, Contents
from trivet.dev.file_systems import why_to_poll
from trivet.dev.project_files import ProjectFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from trivet.dev.messages import Link

#: A burst of saves is over when nothing has come for so long, and is told after the second time
#: at the latest. (`watchfiles` wakes up once in each of the first.)
QUIET_MILLISECONDS = 10
BURST_MILLISECONDS = 100

#: For a file that somebody has begun to write, and not closed, this much is waited. Who keeps it
#: open for longer is no editor.
WRITING_MILLISECONDS = 500

#: Between two looks at every file, where that is how changes are found.
LOOK_SECONDS = 0.3

#: An editor that empties a file, or removes it, before it writes it needs less than this.
SECOND_LOOK_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class WatchPlan:
    """What to watch. `poll` is auto, on or off."""

    roots: tuple[Path, ...]
    extra: tuple[str, ...]
    ignore: tuple[str, ...]
    #: Files of settings and variables, whether they are there or not.
    configuration: tuple[str, ...]
    poll: str


def run_watcher(link: Link, plan: WatchPlan) -> None:
    """Watch until the supervisor is gone. Runs in a process of its own, in its main thread."""
    Watcher(link, plan).run()


class Watcher:
    """Sees changes, and compares contents."""

    def __init__(self, link: Link, plan: WatchPlan) -> None:
        self._link = link
        self._plan = plan
        self._files = ProjectFiles(plan.roots, plan.extra, plan.ignore, plan.configuration)
        self._contents = Contents()
        self._installed = _installed_folders()
        #: Told to the thread that watches: what it watches is not right any more.
        self._stale = _Stale()
        self._counts: dict[str, int] = {}
        self._states: dict[str, tuple[int, ...]] = {}

    def run(self) -> None:
        threading.Thread(target=self._hear_supervisor, daemon=True).start()
        self._states = self._look()
        for path, kind in self._files.files():
            if kind != CONFIGURATION:
                self._counts[kind] = self._counts.get(kind, 0) + 1
            self._contents.note([path])
        why = self._why_to_poll()
        for paths in self._look_again(why) if why else self._told_by_system():
            seen = self._judge(paths)
            if seen:
                self._link.send(messages.SEEN, changes=seen)

    def _say_that_it_watches(self, how: str, why: str) -> None:
        """Whoever saves a file after this is sure to be seen."""
        self._link.send(
            messages.WATCHING,
            how=how,
            why=why,
            counts=self._counts,
            gitignore=self._files.reads_gitignore,
        )

    def _why_to_poll(self) -> str:
        if self._plan.poll == "on":
            return "reload_poll is on"
        try:
            if not inotify.is_there():
                import watchfiles  # noqa: F401 - whether it is there
        except ImportError:
            return "watchfiles is not installed (pip install 'trivet[dev]')"
        return "" if self._plan.poll == "off" else why_to_poll(map(str, self._plan.roots))

    def _hear_supervisor(self) -> None:
        """A thread of its own: what it hears changes what is watched."""
        self._link.socket.setblocking(True)
        while True:
            try:
                data = self._link.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                os._exit(0)  # nobody is there to be told
            for message in self._link.feed(data):
                if message.kind == messages.ALSO:
                    self._watch_also(messages.texts(message, "paths"))

    def _watch_also(self, paths: list[str]) -> None:
        new = [
            path for path in paths if path not in self._files.also and not self._files.kind(path)
        ]
        if new:
            self._contents.note(new)
            self._files.also.update(new)
            self._stale.set()

    # Finding out that something may have changed

    def _told_by_system(self) -> Iterator[set[str]]:
        """What the system tells, folder by folder: those that are left out cost nothing so."""
        if not inotify.is_there():
            yield from self._told_by_watchfiles()
            return
        try:
            yield from self._told_by_inotify()
        except inotify.NoneLeft as none_left:
            yield from self._look_again(str(none_left))

    def _told_by_inotify(self) -> Iterator[set[str]]:
        with inotify.Inotify() as kernel:
            ready = select.poll()
            ready.register(kernel, select.POLLIN)
            ready.register(self._stale, select.POLLIN)
            said = False
            while True:
                self._stale.clear()
                for folder in {*self._files.folders(), *self._installed}:
                    kernel.watch(folder)
                # What has changed before the kernel watched.
                missed = self._missed()
                if not said:
                    said = True
                    self._say_that_it_watches("events", "")
                yield missed
                while not self._stale.is_set():
                    ready.poll()
                    try:
                        paths = _burst(kernel, lambda path: self._kind(path) is not None)
                    except inotify.Overflow:
                        break
                    yield paths
                    if any(self._files.is_watched_folder(path) for path in paths):
                        break  # a new one, or one that has come back: it is watched from now on

    def _told_by_watchfiles(self) -> Iterator[set[str]]:
        from watchfiles import watch

        said = False
        while True:
            self._stale.clear()
            folders = {*self._files.folders(), *self._installed}
            stop = _StopEvent(self._stale, self._missed)
            if not said:
                said = True
                stop.then = partial(self._say_that_it_watches, "events", "")
            for changes in watch(
                *folders,
                watch_filter=None,
                step=QUIET_MILLISECONDS,
                debounce=BURST_MILLISECONDS,
                stop_event=stop,
                recursive=False,
                force_polling=False,
                ignore_permission_denied=True,
                raise_interrupt=False,
            ):
                paths = {path for _, path in changes}
                yield paths
                if any(self._files.is_watched_folder(path) for path in paths - folders):
                    break
                if any(path in folders and not os.path.isdir(path) for path in paths):
                    break
            yield stop.missed

    def _look_again(self, why: str) -> Iterator[set[str]]:
        """Every file whose time, size or number is another than at the last look."""
        self._say_that_it_watches("looks", why)
        while True:
            yield self._missed()
            time.sleep(LOOK_SECONDS)

    def _missed(self) -> set[str]:
        """What is not as it was at the last look."""
        before, now = self._states, self._look()
        self._states = now
        return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}

    def _look(self) -> dict[str, tuple[int, ...]]:
        states: dict[str, tuple[int, ...]] = {}
        installed = (
            os.path.join(folder, name)
            for folder in self._installed
            for name in _names_in(folder)
            if name.endswith(INSTALLED_SUFFIXES)
        )
        for path in [*(path for path, _ in self._files.files()), *installed]:
            try:
                status = os.stat(path)
            except OSError:
                continue
            # The time of the inode too: tools can set the other one to anything.
            states[path] = (
                status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
            )  # fmt: skip
        return states

    # Finding out whether it has

    def _judge(self, paths: Iterable[str]) -> list[tuple[str, str]]:
        """Kind and path of what has new contents."""
        if any(os.path.basename(path) == ".gitignore" for path in paths):
            self._files.forget_gitignore()
            self._stale.set()
        watched = {path: kind for path in paths if (kind := self._kind(path)) is not None}
        if any(self._contents.is_doubtful(path) for path in watched):
            time.sleep(SECOND_LOOK_SECONDS)
        return [
            (kind, path)
            for path, kind in sorted(watched.items())
            if kind == PACKAGES or (not os.path.isdir(path) and self._contents.has_changed(path))
        ]

    def _kind(self, path: str) -> str | None:
        folder, name = os.path.split(path)
        if folder in self._installed:
            return PACKAGES if name.endswith(INSTALLED_SUFFIXES) else None
        return self._files.kind(path)


class _Stale:
    """An event that poll() can wait for: something else is to be watched from now on."""

    def __init__(self) -> None:
        self._ours, self._others = socket.socketpair()
        self._ours.setblocking(False)

    def fileno(self) -> int:
        return self._ours.fileno()

    def set(self) -> None:
        self._others.send(b"!")

    def is_set(self) -> bool:
        return bool(select.select([self._ours], [], [], 0)[0])

    def close(self) -> None:
        self._ours.close()
        self._others.close()

    def clear(self) -> None:
        try:
            while self._ours.recv(4096):
                pass
        except BlockingIOError:
            pass  # nothing is left


def _burst(kernel: inotify.Inotify, is_watched: Callable[[str], bool]) -> set[str]:
    """What has happened, once nothing more happens, or after the longest time for a burst.

    Half a file is nothing to load: an editor that empties it first may be interrupted there.
    """
    paths = kernel.read()
    more = select.poll()
    more.register(kernel, select.POLLIN)
    began = time.monotonic()
    until = began + BURST_MILLISECONDS / 1000
    while paths and time.monotonic() < until and more.poll(QUIET_MILLISECONDS):
        paths |= kernel.read()
    until = began + WRITING_MILLISECONDS / 1000
    while any(is_watched(path) for path in kernel.being_written & paths):
        left = until - time.monotonic()
        if left <= 0 or not more.poll(left * 1000):
            break
        paths |= kernel.read()
    return paths


class _StopEvent:
    """What `watchfiles` asks in each of its steps, for the first time when it watches already.

    That is the moment to look for what has changed before it did.
    """

    def __init__(self, stale: _Stale, look: Callable[[], set[str]]) -> None:
        self._stale = stale
        self._look = look
        self._has_looked = False
        self.missed: set[str] = set()
        self.then: Callable[[], None] = lambda: None

    def is_set(self) -> bool:
        if not self._has_looked:
            self._has_looked = True
            self.missed = self._look()
            self.then()
        return bool(self.missed) or self._stale.is_set()


def _installed_folders() -> set[str]:
    """Where packages are installed."""
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return {os.path.abspath(path) for path in paths if path and os.path.isdir(path)}


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
