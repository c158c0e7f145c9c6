"""trivet.dev.hand_over: connections pass through a socket pair with what was read of them."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from trivet.dev.hand_over import Channel, Connection

Client = Callable[[], tuple[socket.socket, int]]


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    both = tuple(Channel(end) for end in socket.socketpair())
    yield both[0], both[1]
    for channel in both:
        channel.close()


@pytest.fixture
def client() -> Iterator[Client]:
    """Makes clients, each with the descriptor of the server's side of its connection."""
    made: list[socket.socket] = []

    def make() -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        made.append(ours)
        return ours, theirs.detach()

    yield make
    for one in made:
        one.close()


def test_a_connection_arrives_alive_with_its_bytes(
    channels: tuple[Channel, Channel], client: Client
) -> None:
    sender, receiver = channels
    browser, descriptor = client()
    sender.send(Connection(descriptor, "2 unix", b"GET / HT"))
    (arrived,) = receiver.receive()
    assert (arrived.about, arrived.received) == ("2 unix", b"GET / HT")
    assert not os.get_inheritable(arrived.descriptor)
    with socket.socket(fileno=arrived.descriptor) as server:
        browser.sendall(b"hello")
        assert server.recv(10) == b"hello"
    # The sender's copy is closed: the client sees the end.
    assert browser.recv(1) == b""


def test_many_that_do_not_fit_at_once_arrive_in_order(
    channels: tuple[Channel, Channel], client: Client
) -> None:
    sender, receiver = channels
    browsers = []
    for number in range(100):
        browser, descriptor = client()
        browsers.append(browser)
        sender.send(Connection(descriptor, str(number), bytes([number]) * 20_000))
    arrived: list[Connection] = []
    while len(arrived) < 100:
        arrived += receiver.receive()
        sender.flush()
    assert [int(connection.about) for connection in arrived] == list(range(100))
    for connection in arrived:
        assert connection.received == bytes([int(connection.about)]) * 20_000
        with socket.socket(fileno=connection.descriptor) as server:
            server.sendall(bytes([int(connection.about)]))
    assert [browser.recv(2) for browser in browsers] == [bytes([number]) for number in range(100)]


def test_what_nobody_took_can_be_taken_back(
    channels: tuple[Channel, Channel], client: Client
) -> None:
    sender, receiver = channels
    receiver.close()
    browser, descriptor = client()
    sender.send(Connection(descriptor, "0", b""))
    assert sender.hung_up
    (back,) = sender.take_unsent()
    assert back.descriptor == descriptor
    back.close()
    assert browser.recv(1) == b""


def test_the_end_of_the_other_side_is_noticed(channels: tuple[Channel, Channel]) -> None:
    sender, receiver = channels
    sender.close()
    assert receiver.receive() == []
    assert receiver.hung_up
