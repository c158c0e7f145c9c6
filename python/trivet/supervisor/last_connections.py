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

#: Where the flags of a segment are in its TCP header (RFC 9293 section 3.1), and two of them.
FLAGS_OFFSET = 13
SYN, ACK = 0x02, 0x10

#: Classic BPF (linux/filter.h): code, jumps when true and when false, operand. A socket's filter
#: sees a segment from its TCP header on. Only the first segment of a connection is dropped: its
#: client has had no answer and tries again. The one that completes a handshake must pass, since
#: its client takes the connection for open already; when everything was dropped, one in some
#: thirty stops under load cost a request.
DROP_FIRST_SEGMENTS = (
    (0x30, 0, 0, FLAGS_OFFSET),  # load the byte
    (0x54, 0, 0, SYN | ACK),  # and it
    (0x15, 0, 1, SYN),  # equal? else skip one
    (0x06, 0, 0, 0),  # return 0: keep no byte
    (0x06, 0, 0, 0xFFFFFFFF),  # return: keep all
)


def drop_new_connections(listener: socket.socket) -> bool:
    """Make the kernel ignore attempts to connect to a TCP listener; false where it cannot.

    A client whose attempt is dropped tries again after a second, and is refused once the listener
    is closed. Connections that are under way or complete are not touched. The filter belongs to
    the socket, so it holds in every process that has it open. No privilege is needed (socket(7),
    SO_ATTACH_FILTER); Linux only.
    """
    if sys.platform != "linux" or listener.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    steps = [struct.pack("=HBBI", *step) for step in DROP_FIRST_SEGMENTS]
    program = array("B", b"".join(steps))
    address, _ = program.buffer_info()
    # struct sock_fprog: the number of instructions and where they are; the kernel copies them.
    described = struct.pack("@HP", len(steps), address)
    try:
        listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, described)
    except OSError:
        return False  # such as under a sandbox; then the stop is as good as without
    return True
