"""trivet.supervisor.timers: callbacks by time."""

from trivet.supervisor.timers import Timers


def test_what_is_due_comes_in_the_order_of_its_time_and_once() -> None:
    timers, called = Timers(), []
    timers.at(3.0, lambda: called.append("late"))
    timers.at(2.0, lambda: called.append("first"))
    timers.at(2.0, lambda: called.append("second"))
    assert timers.next_moment == 2.0
    for callback in timers.take_due(2.5):
        callback()
    assert called == ["first", "second"]
    assert timers.take_due(2.5) == []
    assert timers.next_moment == 3.0


def test_without_timers_there_is_no_moment_to_wake_up_for() -> None:
    assert Timers().next_moment is None
