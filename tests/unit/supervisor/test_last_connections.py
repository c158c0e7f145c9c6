"""The filter that refuses new connections, against the kernel."""

import socket
import sys
from collections.abc import Iterator

import pytest

from trivet.supervisor.last_connections import drop_new_connections, handshakes_under_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux")

#: The state of a client's socket whose first segment has had no answer (linux/tcp_states.h).
SYN_SENT = 2


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with socket.socket(request.param) as opened:
        try:
            opened.bind(("127.0.0.1" if request.param == socket.AF_INET else "::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        # Until data has come, a connection is complete for its client and not for the listener
        # (tcp(7)): so the moment between the two can be held.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10)
        opened.listen()
        opened.settimeout(10)
        yield opened


def test_a_connection_whose_client_has_been_answered_is_completed(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        assert drop_new_connections(listener)
        client.sendall(b"GET / HTTP/1.1")
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100) == b"GET / HTTP/1.1"
            connection.sendall(b"HTTP/1.1 200 OK")
            assert client.recv(100) == b"HTTP/1.1 200 OK"


def test_a_handshake_is_under_way_until_the_connection_is_complete(
    listener: socket.socket,
) -> None:
    port = listener.getsockname()[1]
    assert not handshakes_under_way(port)
    with socket.create_connection(listener.getsockname()[:2]) as client:
        assert handshakes_under_way(port)
        client.sendall(b"GET / HTTP/1.1")
        connection, _ = listener.accept()
        with connection:
            assert not handshakes_under_way(port)


def test_connections_to_other_ports_do_not_count(listener: socket.socket) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(listener.getsockname()[:2]),
    ):
        assert not handshakes_under_way(other.getsockname()[1])


def test_a_new_attempt_gets_no_answer(listener: socket.socket) -> None:
    assert drop_new_connections(listener)
    with socket.socket(listener.family) as client:
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        # On loopback an answer would have come within the call.
        state = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0]
        assert state == SYN_SENT
