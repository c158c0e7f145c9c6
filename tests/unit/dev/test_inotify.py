"""trivet.dev.inotify: what the kernel tells of folders."""

import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.dev import inotify
from trivet.dev.inotify import IN_MODIFY, IN_Q_OVERFLOW, Inotify, NoneLeft, Overflow

pytestmark = pytest.mark.skipif(not inotify.is_there(), reason="only Linux has inotify")


@pytest.fixture
def kernel() -> Iterator[Inotify]:
    with Inotify() as opened:
        yield opened


def told(kernel: Inotify) -> set[str]:
    """What has been told up to now, which is something."""
    assert select.select([kernel], [], [], 10)[0]
    return {os.path.basename(path) for path in kernel.read()}


def test_nothing_is_told_of_who_reads(kernel: Inotify, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("1")
    kernel.watch(str(tmp_path))
    (tmp_path / "shop.py").read_text()
    os.listdir(tmp_path)
    assert kernel.read() == set()


def test_a_file_is_told_when_it_comes_changes_moves_and_goes(
    kernel: Inotify, tmp_path: Path
) -> None:
    kernel.watch(str(tmp_path))
    file = tmp_path / "shöp.py"
    file.write_text("1")
    assert told(kernel) == {"shöp.py"}
    file.write_text("2")
    assert told(kernel) == {"shöp.py"}
    file.rename(tmp_path / "store.py")
    assert told(kernel) == {"shöp.py", "store.py"}
    (tmp_path / "store.py").unlink()
    assert told(kernel) == {"store.py"}


def test_what_lies_deeper_is_not_told(kernel: Inotify, tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    kernel.watch(str(tmp_path))
    (tmp_path / "node_modules" / "a.js").write_text("1")
    assert kernel.read() == set()


def test_a_folder_that_moved_is_known_by_its_new_name(kernel: Inotify, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    kernel.watch(str(folder))
    folder.rename(tmp_path / "new")
    kernel.watch(str(tmp_path / "new"))
    told(kernel)
    (tmp_path / "new" / "a.py").touch()
    assert kernel.read() == {str(tmp_path / "new" / "a.py")}


def test_a_folder_that_goes_is_told_and_one_that_is_not_there_is_left_out(
    kernel: Inotify, tmp_path: Path
) -> None:
    kernel.watch(str(tmp_path / "nowhere"))
    (tmp_path / "shop").mkdir()
    kernel.watch(str(tmp_path / "shop"))
    (tmp_path / "shop").rmdir()
    assert told(kernel) == {"shop"}


def test_a_full_queue_is_not_passed_over(kernel: Inotify, monkeypatch: pytest.MonkeyPatch) -> None:
    event = struct.pack("iIII", 1, IN_MODIFY, 0, 0)
    overflow = struct.pack("iIII", -1, IN_Q_OVERFLOW, 0, 0)
    monkeypatch.setattr(os, "read", lambda descriptor, size: event + overflow)
    with pytest.raises(Overflow):
        kernel.read()


def test_the_limit_that_is_used_up_is_named(kernel: Inotify, tmp_path: Path) -> None:
    class Refusing:
        def inotify_add_watch(self, *arguments: object) -> int:
            import ctypes
            import errno

            ctypes.set_errno(errno.ENOSPC)
            return -1

    kernel._c = Refusing()  # type: ignore[assignment]  # a system whose watches are used up
    with pytest.raises(NoneLeft, match=r"fs\.inotify\.max_user_watches"):
        kernel.watch(str(tmp_path))
