"""trivet.dev.broadcast: news reach everybody who listens, and nobody waits for ever."""

import threading

import pytest

from trivet.dev.broadcast import MOST_WAITING_NEWS, Broadcast


def test_news_come_to_each_listener_in_their_order() -> None:
    broadcast = Broadcast(3)
    listeners = [broadcast.subscribe(), broadcast.subscribe()]
    broadcast.publish({"kind": "css"})
    broadcast.publish({"kind": "reload"})
    broadcast.close()
    for listener in listeners:
        assert [news["kind"] for news in listener] == ["css", "reload"]


def test_waiting_ends_after_the_timeout() -> None:
    assert Broadcast(1).subscribe().next(timeout_seconds=0.001) is None


@pytest.mark.parametrize("end", ["listener", "broadcast"])
def test_a_waiting_listener_comes_back_at_the_end(end: str) -> None:
    broadcast = Broadcast(1)
    listener = broadcast.subscribe()
    waiting = threading.Thread(target=lambda: list(listener))
    waiting.start()
    (listener if end == "listener" else broadcast).close()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_who_comes_after_the_end_hears_so_at_once() -> None:
    broadcast = Broadcast(1)
    broadcast.close()
    assert list(broadcast.subscribe()) == []


def test_a_listener_that_does_not_read_keeps_the_newest() -> None:
    broadcast = Broadcast(1)
    listener = broadcast.subscribe()
    for number in range(MOST_WAITING_NEWS + 5):
        broadcast.publish({"number": number})
    assert listener.next() == {"number": 5}


def test_a_closed_listener_gets_nothing_more() -> None:
    broadcast = Broadcast(1)
    listener = broadcast.subscribe()
    listener.close()
    listener.close()
    broadcast.publish({"kind": "css"})
    assert list(listener) == []
