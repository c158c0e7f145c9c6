"""trivet.dev.file_systems: where the system does not tell of changes."""

from pathlib import Path

import pytest

from trivet.dev.file_systems import SILENT, why_to_poll

MOUNTS = """\
overlay / overlay rw 0 0
/dev/sda1 /home ext4 rw 0 0
server:/export /home/me/share nfs4 rw 0 0
C:\\134 /mnt/c 9p rw 0 0
me@host: /mnt/remote fuse.sshfs rw 0 0
shop /work fakeowner rw 0 0
disk /mnt/with\\040space virtiofs rw 0 0
"""


@pytest.mark.parametrize("path", ["/", "/srv/shop", "/home/me/shop", "/home/me/shared"])
def test_a_local_disk_and_an_overlay_tell(path: str) -> None:
    assert why_to_poll([path], MOUNTS) == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/home/me/share/shop", "/home/me/share is a network share (nfs4)"),
        ("/mnt/c/shop", "/mnt/c is a folder shared by WSL or a virtual machine (9p)"),
        ("/mnt/remote", "/mnt/remote is a file system in user space (fuse.sshfs)"),
        ("/work/shop", "/work is a folder shared by Docker Desktop (fakeowner)"),
        ("/mnt/with space/x", "/mnt/with space is a folder shared by a virtual machine (virtiofs)"),
    ],
)
def test_others_do_not_and_the_reason_names_the_place(path: str, reason: str) -> None:
    assert why_to_poll([path], MOUNTS) == reason


def test_one_of_several_is_enough() -> None:
    assert "nfs4" in why_to_poll(["/home/me", "/home/me/share"], MOUNTS)


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert isinstance(why_to_poll([str(tmp_path)]), str)
    assert all(SILENT.values())
