"""What the supervisor says of a worker that is stuck."""

import threading

from trivet.supervisor.stuck import NOWHERE, described

WAITS, SLEEPS, HOLDS = (f"0x00007f000000000{number}" for number in (1, 2, 3))
STACKS = f"""\
Thread 0x00007f0000000009 (most recent call first):
  File "/usr/lib/selectors.py", line 468 in select

Thread {WAITS} (most recent call first):
  File "{threading.__file__}", line 982 in run

Thread {SLEEPS} (most recent call first):
  File "/srv/my shop/views.py", line 7 in sleep

Thread {HOLDS} (most recent call first):
  File "{threading.__file__}", line 302 in wait
  File "/srv/my shop/views.py", line 25 in make "in" pdf
  File "/srv/my shop/app.py", line 9 in app
"""


def request(thread: str, target: str, seconds: float, **more: object) -> dict[str, object]:
    about = {"method": "GET", "target": target, "request_id": target[1:], "computes": False}
    return {**about, "thread": thread, "seconds": seconds, **more}


def test_a_single_request_is_named_with_its_innermost_line_in_the_project() -> None:
    told, fields = described({"stacks": STACKS, "requests": [request(HOLDS, "/hold", 2.0)]})
    place = '/srv/my shop/views.py:25 in make "in" pdf'
    assert told == f"GET /hold for 2 s at {place}"
    assert (fields["target"], fields["place"], fields["seconds"]) == ("/hold", place, 2.0)
    assert fields["request_id"] == "hold"
    stacks = str(fields["detail"]).split("\n\n")
    assert stacks[0].startswith(f"Thread {HOLDS} ")
    assert len(stacks) == 4


def test_of_two_that_cannot_be_told_apart_both_are_named_and_neither_accused() -> None:
    requests = [request(SLEEPS, "/sleep", 3.0), request(HOLDS, "/hold", 2.0)]
    told, fields = described({"stacks": STACKS, "requests": requests})
    assert told == (
        "GET /sleep for 3 s at /srv/my shop/views.py:7 in sleep; "
        'GET /hold for 2 s at /srv/my shop/views.py:25 in make "in" pdf'
    )
    assert fields.keys() == {"detail"}


def test_a_single_one_that_computes_is_the_one() -> None:
    requests = [request(HOLDS, "/hold", 2.0, computes=True), request(SLEEPS, "/sleep", 3.0)]
    told, fields = described({"stacks": STACKS, "requests": requests})
    assert fields["target"] == "/hold"
    assert told.startswith("GET /hold for 2 s, computing, at ")
    assert "GET /sleep" in told


def test_a_request_whose_view_has_not_begun_is_no_suspect() -> None:
    requests = [request(WAITS, "/waits", 3.0), request(HOLDS, "/hold", 2.0)]
    told, fields = described({"stacks": STACKS, "requests": requests})
    assert fields["target"] == "/hold"
    assert "/waits" not in told


def test_without_stacks_no_place_is_known() -> None:
    _, fields = described({"requests": [request(HOLDS, "/hold", 2.0)]})
    assert fields["place"] == NOWHERE
    assert described({})[0] == "nothing is known"
