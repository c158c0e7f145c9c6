"""trivet.dev.watch: how changes are found where the usual way is closed."""

import select
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from trivet.dev import inotify, messages
from trivet.dev.messages import Link
from trivet.dev.watch import Watcher, WatchPlan


def test_where_no_watch_is_left_every_file_is_looked_at_and_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise inotify.NoneLeft("fs.inotify.max_user_watches is used up")

    monkeypatch.setattr(inotify.Inotify, "watch", refuse)
    monkeypatch.setattr(inotify, "is_there", lambda: True)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        plan = WatchPlan(roots=(tmp_path,), extra=(), ignore=(), configuration=(), poll="auto")
        watcher = Watcher(Link(theirs), plan)
        watcher._states = watcher._look()
        changes = watcher._told_by_system()
        assert next(changes) == set()
        (told,) = Link(ours).receive()
        assert told.kind == messages.WATCHING
        assert (told.data["how"], "max_user_watches" in str(told.data["why"])) == ("looks", True)
        (tmp_path / "shop.py").touch()
        assert next(changes) == {str(tmp_path / "shop.py")}
        watcher._stale.close()


def test_where_there_is_no_inotify_the_library_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("watchfiles", reason="watchfiles is not installed")
    monkeypatch.setattr(inotify, "is_there", lambda: False)
    ours, theirs = socket.socketpair()

    def save_when_it_watches() -> None:
        select.select([ours], [], [], 30)
        (tmp_path / "shop.py").write_text("1")

    saver = threading.Thread(target=save_when_it_watches)
    saver.start()
    with ours, theirs:
        plan = WatchPlan(roots=(tmp_path,), extra=(), ignore=(), configuration=(), poll="auto")
        watcher = Watcher(Link(theirs), plan)
        watcher._states = watcher._look()
        changes = watcher._told_by_system()
        told: set[str] = set()
        while not told:
            told = next(changes)
        saver.join()
        (message,) = Link(ours).receive()
        watcher._stale.close()
    assert told == {str(tmp_path / "shop.py")}
    assert message.data["how"] == "events"
