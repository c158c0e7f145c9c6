"""What this operating system offers; what a container allows is in project/limits."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

#: Bytes that fit into sun_path of sockaddr_un, its closing zero not counted: 108 on Linux
#: (unix(7)), 104 on macOS and the BSDs.
UNIX_PATH_LIMIT = 107 if sys.platform == "linux" else 103


#: Standard input, output and error, whether or not this process was given them.
STANDARD_DESCRIPTORS = (0, 1, 2)


def open_missing_standard_streams() -> None:
    """Open /dev/null in the place of each standard stream that this process was started without.

    Otherwise the next socket would get its number, and take what the app or a library of C writes
    there. Programs that the app starts inherit them.
    """
    for descriptor in STANDARD_DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free (open(2)), which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def open_file_limits() -> tuple[int, int]:
    """How many files this process may open: (now, at most after raising it itself)."""
    import resource  # Unix only, and needed only when somebody asks

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft, hard


def raise_open_file_limit() -> int:
    """Let this process open as many files as it may without being root; the new limit.

    Every connection is an open file, and the limit at start is often 1024. Programs that use
    select() must stay below 1024, which is why systems keep the lower limit as the default and
    expect servers to raise it (systemd: "File Descriptor Limits").
    """
    import resource

    soft, hard = open_file_limits()
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        # macOS reports an unlimited hard limit and refuses more than OPEN_MAX.
        return soft
    return hard


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end of a Unix socket, from the kernel; None where it does not say."""
    import socket  # needed only when somebody connects
    import struct

    if hasattr(socket, "SO_PEERCRED"):
        # Linux, struct ucred of unix(7): pid, uid, gid.
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[1])
    try:
        # macOS and FreeBSD, struct xucred of <sys/ucred.h>, by SOL_LOCAL (0) and LOCAL_PEERCRED
        # (1): version, uid, and groups.
        return int(struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])[1])
    except OSError:
        return None
