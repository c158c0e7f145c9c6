"""Find out which process listens on an address, from Linux's /proc; elsewhere nobody can tell.

Formats: proc_net_tcp(5), proc_net_unix(5), proc_pid_fd(5). `proc` is an argument for tests.
"""

from __future__ import annotations

import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator

LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h
ACCEPTS_CONNECTIONS = 0x10000  # __SO_ACCEPTCON in the flags of /proc/net/unix

UNKNOWN_USER = -1

#: A command line is quoted up to this many characters.
COMMAND_WIDTH = 60


class Holder:
    """Who listens: a process, or only its user when the process belongs to somebody else."""

    __slots__ = ("command", "pid", "user_id")

    def __init__(self, pid: int | None, command: str, user_id: int | None) -> None:
        self.pid = pid
        self.command = command
        self.user_id = user_id

    def __str__(self) -> str:
        if self.pid is not None:
            return f"process {self.pid} ({self.command})" if self.command else f"process {self.pid}"
        if self.user_id is None:
            return "another user's process"
        return f"a process of user {_user_name(self.user_id)}"


def holder_of_port(host: str, port: int, proc: str = "/proc") -> Holder | None:
    """Who listens on a TCP port, at this IP address or at all of them; None when unknown."""
    inodes: dict[str, int] = {}
    for table in ("net/tcp", "net/tcp6"):
        for line in _lines_after_heading(f"{proc}/{table}"):
            fields = line.split()
            if len(fields) < 10 or fields[3] != LISTENING:
                continue
            address, listening_port = decode_address(fields[1])
            if listening_port == port and addresses_collide(address, host):
                inodes[fields[9]] = int(fields[7])
    return _holder(inodes, proc)


def holder_of_path(path: str, proc: str = "/proc") -> Holder | None:
    """Who listens on a Unix socket; None when unknown. The path must be spelt as it was bound."""
    inodes: dict[str, int] = {}
    for line in _lines_after_heading(f"{proc}/net/unix"):
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7] == path and int(fields[3], 16) & ACCEPTS_CONNECTIONS:
            inodes[fields[6]] = UNKNOWN_USER  # this table does not say
    return _holder(inodes, proc)


def decode_address(text: str) -> tuple[str, int]:
    """Read "0100007F:1F40" as ("127.0.0.1", 8000): words of 32 bits in the machine's byte order."""
    address, _, port = text.partition(":")
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)


def addresses_collide(one: str, other: str) -> bool:
    """Whether two listeners of one port stand in each other's way."""
    wildcards = ("0.0.0.0", "::", "")
    return one in wildcards or other in wildcards or one.removeprefix("::ffff:") == other


def _holder(inodes: dict[str, int], proc: str) -> Holder | None:
    """The process that has one of these sockets open; of a server's many processes the first."""
    if not inodes:
        return None
    pids = sorted(pid for pid in _pids(proc) if _has_open(pid, inodes, proc))
    if not pids:
        user_id = next(iter(inodes.values()))
        return Holder(None, "", None if user_id == UNKNOWN_USER else user_id)
    # A worker's parent is another holder, and the one that must be stopped is the parent.
    parent = next((pid for pid in pids if _parent(pid, proc) not in pids), pids[0])
    return Holder(parent, _command(parent, proc), None)


def _pids(proc: str) -> Iterator[int]:
    try:
        names = os.listdir(proc)
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def _has_open(pid: int, inodes: dict[str, int], proc: str) -> bool:
    """Whether a process has one of the sockets open. False too when it may not be looked at."""
    directory = f"{proc}/{pid}/fd"
    try:
        descriptors = os.listdir(directory)
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            target = os.readlink(f"{directory}/{descriptor}")
        except OSError:  # closed in the meantime
            continue
        if target.startswith("socket:[") and target[8:-1] in inodes:
            return True
    return False


def _parent(pid: int, proc: str) -> int:
    # The name of the command comes before it, in parentheses, and may hold anything.
    fields = _read(f"{proc}/{pid}/stat").rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _command(pid: int, proc: str) -> str:
    words = " ".join(_read(f"{proc}/{pid}/cmdline").split("\0")).strip()
    command = "".join(character if character.isprintable() else "?" for character in words)
    return command if len(command) <= COMMAND_WIDTH else command[: COMMAND_WIDTH - 1] + "…"


def _lines_after_heading(path: str) -> list[str]:
    return _read(path).splitlines()[1:]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:  # not Linux, or the process has ended
        return ""


def _user_name(user_id: int) -> str:
    import pwd

    try:
        return f"{pwd.getpwuid(user_id).pw_name} (uid {user_id})"
    except KeyError:
        return str(user_id)
