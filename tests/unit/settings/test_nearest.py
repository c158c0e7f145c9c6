"""trivet.settings.nearest: guessing what was meant."""

import pytest

from trivet.settings.nearest import did_you_mean, nearest

KNOWN = ["workers", "threads", "keep_alive", "TRIVET_WORKERS"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("workerz", "workers"), ("keep-alive", "keep_alive"), ("THREADS", "threads")],
)
def test_a_near_name_is_found(name: str, meant: str) -> None:
    assert nearest(name, KNOWN) == meant


def test_nothing_is_guessed_when_nothing_is_near() -> None:
    assert did_you_mean("colour", KNOWN) is None


def test_the_guess_is_a_question() -> None:
    assert did_you_mean("thread", KNOWN) == "did you mean threads?"
