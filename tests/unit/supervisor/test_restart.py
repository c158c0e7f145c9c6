"""When workers are started again, and how their ends are told."""

import signal

import pytest

from trivet.supervisor.restart import (
    EARLY_SECONDS,
    advice,
    early_ends,
    how_it_ended,
    is_orderly,
    restart_delay,
)


def delays(count: int, *, became_ready: bool, lived: float, others_ready: int) -> list[float]:
    """The delays of a worker that ends the same way again and again."""
    ends, found = 0, []
    for _ in range(count):
        ends = early_ends(ends, became_ready=became_ready, lived_seconds=lived)
        found.append(
            restart_delay(
                ends, became_ready=became_ready, lived_seconds=lived, others_ready=others_ready
            )
        )
    return found


def test_a_crash_loop_waits_longer_and_longer() -> None:
    found = delays(9, became_ready=True, lived=0.5, others_ready=3)
    assert found == [0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_worker_that_has_served_a_while_is_replaced_at_once() -> None:
    assert delays(3, became_ready=True, lived=EARLY_SECONDS, others_ready=3) == [0, 0, 0]


def test_a_long_life_forgives_earlier_ends() -> None:
    assert early_ends(6, became_ready=True, lived_seconds=EARLY_SECONDS) == 0


def test_an_app_that_does_not_load_is_never_tried_again_at_once() -> None:
    assert delays(4, became_ready=False, lived=60.0, others_ready=3) == [1, 1, 2, 4]


def test_the_only_worker_comes_back_within_a_second_of_its_start() -> None:
    found = delays(9, became_ready=True, lived=0.25, others_ready=0)
    assert found == [0, *[0.75] * 8]


def test_the_only_worker_backs_off_when_its_app_does_not_load() -> None:
    assert delays(8, became_ready=False, lived=0.1, others_ready=0)[-1] == 30


def test_the_delay_is_bounded_after_any_number_of_ends() -> None:
    assert restart_delay(100_000, became_ready=False, lived_seconds=0.1, others_ready=0) == 30


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (signal.SIGKILL, "was killed by SIGKILL"),
        (signal.SIGSEGV | 0x80, "was killed by SIGSEGV"),
        (signal.SIGRTMIN + 1, f"was killed by signal {signal.SIGRTMIN + 1}"),
        (3 << 8, "exited with code 3"),
        (0, "exited with code 0"),
        (None, "ended"),
    ],
)
def test_an_end_is_told_with_the_name_of_the_signal(status: int | None, text: str) -> None:
    assert how_it_ended(status) == text


def test_a_kill_makes_the_operator_think_of_memory() -> None:
    assert "OOM killer" in advice(signal.SIGKILL)
    assert advice(0) == ""


@pytest.mark.parametrize(
    ("status", "orderly"),
    [(0, True), (signal.SIGTERM, True), (signal.SIGSEGV, False), (1 << 8, False)],
)
def test_only_some_ends_are_orderly_after_a_stop(status: int, orderly: bool) -> None:
    assert is_orderly(status) is orderly


def test_a_kill_is_told_from_an_oom_kill_where_the_kernel_counts_them() -> None:
    assert "it was the kernel's OOM killer" in advice(signal.SIGKILL, True)
    assert "somebody has sent that" in advice(signal.SIGKILL, False)
    assert "OOM killer does this" in advice(signal.SIGKILL, None)
    assert advice(0, True) == ""
