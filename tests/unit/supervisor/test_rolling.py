"""trivet.supervisor.rolling: which worker is replaced next."""

import socket
from typing import Any

from trivet.supervisor.child import Child
from trivet.supervisor.rolling import RollingReload, next_to_retire
from trivet.supervisor.slot import Slot

OLD, NEW = 1, 2
NO_PLAN: Any = None  # what the workers run does not matter here


def child(generation: int, *, ready: bool = True) -> Child:
    made = Child(1, 0, socket.socket(), NO_PLAN)
    made.link.close()
    made.generation, made.ready = generation, ready
    return made


def slots(count: int) -> list[Slot]:
    made = [Slot(number) for number in range(1, count + 1)]
    for slot in made:
        slot.child = child(OLD)
    return made


def reload() -> RollingReload:
    return RollingReload(NO_PLAN, NEW, "SIGHUP", [])


def test_the_first_new_worker_goes_alone() -> None:
    assert [slot.number for slot in reload().next_slots(slots(8))] == [1]


def test_a_quarter_follows_once_the_new_code_has_proven_itself() -> None:
    under_way, places = reload(), slots(8)
    places[0].child, under_way.proven = child(NEW), True
    assert [slot.number for slot in under_way.next_slots(places)] == [2, 3]
    places[1].successor = child(NEW, ready=False)
    assert [slot.number for slot in under_way.next_slots(places)] == [3]


def test_nobody_follows_while_the_first_one_loads() -> None:
    under_way, places = reload(), slots(8)
    places[0].successor = child(NEW, ready=False)
    assert under_way.next_slots(places) == []


def test_a_place_that_waits_after_a_crash_is_not_filled_before_its_time() -> None:
    under_way, places = reload(), slots(1)
    places[0].child, places[0].due = None, 5.0
    assert under_way.next_slots(places) == []


def test_it_is_over_when_every_worker_that_stays_is_new_and_ready() -> None:
    under_way, places = reload(), slots(3)
    places[0].child, places[1].child = child(NEW), child(NEW, ready=False)
    places[2].removed = True
    assert not under_way.is_over(places)
    places[1].child = child(NEW)
    assert under_way.is_over(places)
    assert under_way.next_slots(places) == []


def test_it_is_not_over_while_an_old_worker_may_take_another_connection() -> None:
    under_way, (place,) = reload(), slots(1)
    place.leaving, place.child = [child(OLD)], child(NEW)
    assert not under_way.is_over([place])
    place.leaving[0].stopped_accepting = True
    assert under_way.is_over([place])


def test_who_never_became_ready_takes_no_connection() -> None:
    under_way, (place,) = reload(), slots(1)
    place.leaving, place.child = [child(OLD, ready=False)], child(NEW)
    assert under_way.is_over([place])


def test_workers_retire_one_after_the_other() -> None:
    places = slots(3)
    assert next_to_retire(places) == []
    places[1].retiring = places[2].retiring = "their age"
    assert next_to_retire(places) == [places[1]]
    places[1].successor = child(OLD, ready=False)
    assert next_to_retire(places) == []


def test_a_worker_that_is_to_go_anyway_gets_no_successor() -> None:
    places = slots(1)
    places[0].retiring, places[0].removed = "its age", True
    assert next_to_retire(places) == []
