"""trivet.dev.watch: how changes are found where the usual way is closed."""

import select
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from trivet.dev import inotify, messages
from trivet.dev.messages import Link
from trivet.dev.watch import Watcher, WatchPlan, _burst


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


@pytest.mark.skipif(not inotify.is_there(), reason="only Linux has inotify")
def test_a_file_that_is_being_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.dev.watch.WRITING_MILLISECONDS", 30_000)
    file = tmp_path / "shop.py"
    file.write_text("value = 1\n")
    asked = threading.Event()
    seen: list[str] = []

    def is_watched(path: str) -> bool:
        asked.set()
        return True

    with inotify.Inotify() as kernel:
        kernel.watch(str(tmp_path))

        def wait() -> None:
            _burst(kernel, is_watched)
            seen.append(file.read_text())

        with file.open("w") as emptied:
            thread = threading.Thread(target=wait)
            thread.start()
            assert asked.wait(30)
            emptied.write("value = 2\n")
        thread.join()
    assert seen == ["value = 2\n"]


@pytest.mark.skipif(not inotify.is_there(), reason="only Linux has inotify")
def test_a_file_that_somebody_keeps_open_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.dev.watch.WRITING_MILLISECONDS", 20)
    file = tmp_path / "shop.py"
    with inotify.Inotify() as kernel, file.open("w", buffering=1) as kept:
        kernel.watch(str(tmp_path))
        kept.write("value = 1\n")
        assert _burst(kernel, lambda path: True) == {str(file)}
