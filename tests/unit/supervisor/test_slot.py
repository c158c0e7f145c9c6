"""trivet.supervisor.slot: who serves, who follows, who leaves."""

import socket
from typing import Any

from trivet.supervisor.child import Child
from trivet.supervisor.slot import Slot

NO_PLAN: Any = None  # what the workers run does not matter here


def child(pid: int, *, ready: bool = False) -> Child:
    made = Child(1, pid, socket.socket(), NO_PLAN)
    made.link.close()
    made.ready = ready
    return made


def test_a_successor_takes_the_place_and_the_old_worker_leaves() -> None:
    slot, old, new = Slot(1), child(10, ready=True), child(11, ready=True)
    slot.child, slot.successor, slot.retiring = old, new, "its age"
    assert slot.hand_over() is old
    assert slot.children == [new, old]
    assert slot.leaving == [old]
    assert slot.retiring == ""


def test_a_successor_of_nobody_lets_nobody_leave() -> None:
    slot = Slot(1)
    slot.successor = child(11)
    assert slot.hand_over() is None
    assert slot.leaving == []


def test_who_leaves_does_not_fill_a_place() -> None:
    slot = Slot(1)
    slot.leaving.append(child(10))
    assert slot.is_empty
    assert not slot.serves


def test_a_worker_serves_when_it_is_ready() -> None:
    slot = Slot(1)
    slot.child = child(10)
    assert not slot.serves
    slot.child.ready = True
    assert slot.serves


def test_ended_workers_are_forgotten_wherever_they_were() -> None:
    slot, serving, following, leaving = Slot(1), child(1), child(2), child(3)
    slot.child, slot.successor, slot.leaving = serving, following, [leaving]
    for one in (serving, following, leaving):
        slot.let_go(one)
    assert slot.children == []


def test_a_successor_that_is_not_wanted_leaves_its_place_to_another() -> None:
    slot, following = Slot(1), child(2)
    slot.successor = following
    slot.give_up_successor()
    assert slot.is_empty
    assert slot.leaving == [following]
