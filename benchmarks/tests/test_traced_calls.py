"""Reading perf's counts."""

import pytest

from benchmarks.traced_calls import count_of


def test_the_count_is_the_first_field() -> None:
    assert count_of("# started on Mon\n\n2048,,raw_syscalls:sys_enter,612645,100.00,,\n") == 2048


def test_processes_that_never_ran_made_no_calls() -> None:
    assert count_of("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n") == 0


def test_an_output_without_the_event_is_an_error() -> None:
    with pytest.raises(ValueError, match="no raw_syscalls"):
        count_of("Error: access denied\n")
