"""What the supervisor reads in the stacks of a worker that is stuck."""

from trivet.supervisor.stuck import NOWHERE, place_in, stacks_with_culprit_first

STACKS = """\
Thread 0x00007f0000000001 (most recent call first):
  File "/usr/lib/selectors.py", line 468 in select

Thread 0x00007f0000000002 (most recent call first):
  File "/srv/my shop/views.py", line 25 in make "in" pdf
  File "/srv/my shop/app.py", line 9 in app
"""


def test_the_thread_of_the_late_request_comes_first() -> None:
    stacks = stacks_with_culprit_first({"stacks": STACKS, "thread": "0x00007f0000000002"})
    first, second = stacks.split("\n\n")
    assert first.startswith("Thread 0x00007f0000000002")
    assert second.startswith("Thread 0x00007f0000000001")


def test_the_place_is_the_innermost_line_of_the_first_thread() -> None:
    stacks = stacks_with_culprit_first({"stacks": STACKS, "thread": "0x00007f0000000002"})
    assert place_in(stacks) == '/srv/my shop/views.py:25 in make "in" pdf'


def test_without_stacks_no_place_is_known() -> None:
    assert place_in(stacks_with_culprit_first({})) == NOWHERE
