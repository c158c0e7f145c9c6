"""Let a listening TCP socket take no new connection, while those that wait on it can be accepted.

Without this a graceful stop loses requests: between the last accept() and close() more connections
are completed by the kernel, and close() resets them. 64 busy clients that reconnect at once
lost up to 25 requests so.
"""

from __future__ import annotations

import socket
import struct
import sys
from array import array

#: SO_ATTACH_FILTER of asm-generic/socket.h; Python has no name for it.
ATTACH_FILTER = 26

#: One instruction of classic BPF, "return 0": keep no byte of any packet (linux/filter.h).
DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)


def drop_new_connections(listener: socket.socket) -> bool:
    """Make the kernel ignore attempts to connect to a TCP listener; false where it cannot.

    A client whose attempt is dropped tries again after a second, and is refused once the listener
    is closed. Connections that are complete are sockets of their own by then and not touched. The
    filter belongs to the socket, so it holds in every process that has it open. No privilege is
    needed (socket(7), SO_ATTACH_FILTER); Linux only.
    """
    if sys.platform != "linux" or listener.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    program = array("B", DROP_ALL)
    address, _ = program.buffer_info()
    # struct sock_fprog: the number of instructions and where they are; the kernel copies them.
    described = struct.pack("@HP", len(DROP_ALL) // 8, address)
    try:
        listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, described)
    except OSError:
        return False  # such as under a sandbox; then the stop is as good as without
    return True
