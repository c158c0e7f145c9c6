"""Reading callgrind's and strace's files."""

from benchmarks.count import calls_of, instructions_of

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.600000           3    200000           sendto
 39.00    0.390000           2    200064        64 recvfrom
  1.00    0.010000           3      3200           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000           2    403264        64 total
"""


def test_system_calls_are_counted_with_and_without_errors() -> None:
    assert calls_of(STRACE) == {"sendto": 200000, "recvfrom": 200064, "epoll_wait": 3200}


def test_the_last_sum_of_a_callgrind_file_counts() -> None:
    assert instructions_of("events: Ir\nsummary: 5\nfn=(1)\n12 5\n\ntotals: 123456\n") == 123456


def test_a_callgrind_file_without_a_sum_counts_nothing() -> None:
    assert instructions_of("events: Ir\n") == 0
