"""Let a listening TCP socket take no new connection, while those that wait on it can be accepted.

Without this a graceful stop loses requests: between the last accept() and close() more connections
are completed by the kernel, and close() resets them. 64 busy clients that reconnect at once
lost up to 25 requests so. What has begun by then, a handshake with a client that is far away, takes
until its next segment is here; whether there are any is asked of the kernel.
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

#: The kernel's answers about sockets (sock_diag(7)), and its numbers from linux/netlink.h.
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
NO_COOKIE = 0xFFFFFFFF
ANSWER_SECONDS = 1.0

#: The state of a connection whose client has been answered and has not answered yet.
SYN_RECV = 3


def handshakes_under_way(port: int) -> bool:
    """Whether connections to a local TCP port are about to be completed; false where the system
    does not tell."""
    if sys.platform != "linux":
        return False
    try:
        return any(_has_handshakes(family, port) for family in (socket.AF_INET, socket.AF_INET6))
    except OSError:
        return False  # such as under a sandbox


def _has_handshakes(family: int, port: int) -> bool:
    # struct inet_diag_req_v2: what is looked for, and struct inet_diag_sockid.
    wanted = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 1 << SYN_RECV)
    place = struct.pack("!HH32x", port, 0) + struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    length = 16 + len(wanted) + len(place)
    head = struct.pack("=IHHII", length, SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as channel:
        channel.settimeout(ANSWER_SECONDS)
        channel.send(head + wanted + place)
        # The first message is a connection, or says that there is none (or why none is told).
        _, kind = struct.unpack_from("=IH", channel.recv(65536))
        return bool(kind == SOCK_DIAG_BY_FAMILY)


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
