"""Which file systems tell of changes, read from /proc/mounts; nothing is watched here."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Types whose files may be changed by somebody whom this kernel knows nothing of (inotify(7):
#: "cannot be used to monitor … network filesystems"), and where one meets them. An overlay is not
#: here: what changes through it is told.
SILENT: Mapping[str, str] = {
    "nfs": "a network share",
    "nfs4": "a network share",
    "cifs": "a network share",
    "smb3": "a network share",
    "smbfs": "a network share",
    "afs": "a network share",
    "ceph": "a network share",
    "glusterfs": "a network share",
    "lustre": "a network share",
    "9p": "a folder shared by WSL or a virtual machine",
    "drvfs": "a Windows folder under WSL",
    "virtiofs": "a folder shared by a virtual machine",
    "vboxsf": "a folder shared by VirtualBox",
    "vmhgfs": "a folder shared by VMware",
    "prl_fs": "a folder shared by Parallels",
    "fakeowner": "a folder shared by Docker Desktop",
    "grpcfuse": "a folder shared by Docker Desktop",
    "osxfs": "a folder shared by Docker Desktop",
    "fuse": "a file system in user space",
}


def why_to_poll(paths: Iterable[str], mounts: str | None = None) -> str:
    """Why the system will not tell of changes below these paths; empty when it will.

    `mounts` is the text of /proc/mounts, which is read where it exists.
    """
    if mounts is None:
        try:
            with open("/proc/mounts", encoding="utf-8", errors="replace") as file:
                mounts = file.read()
        except OSError:
            return ""  # macOS and the BSDs: their events come from the system whatever is mounted
    table = _mounted(mounts)
    for path in paths:
        place, kind = _file_system_of(os.path.realpath(path), table)
        meaning = SILENT.get(kind) or SILENT.get(kind.partition(".")[2]) or ""
        if not meaning and kind.startswith("fuse."):
            meaning = SILENT["fuse"]
        if meaning:
            return f"{place} is {meaning} ({kind})"
    return ""


def _mounted(mounts: str) -> dict[str, str]:
    """Type by place; a later line covers an earlier one of the same place (proc(5))."""
    table = {}
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:
            # Spaces in a path are written as octal escapes.
            table[fields[1].replace("\\040", " ")] = fields[2]
    return table


def _file_system_of(path: str, table: Mapping[str, str]) -> tuple[str, str]:
    while path not in table:
        above = os.path.dirname(path)
        if above == path:
            return path, table.get(path, "")
        path = above
    return path, table[path]
