"""Numbers by name, and what stays of a process that has ended."""

from trivet.observe.counters import PLACES, WIDTH, Numbers


def numbers(**named: int) -> Numbers:
    values = [0] * WIDTH
    for name, value in named.items():
        values[PLACES[name].start] = value
    return Numbers(values)


def test_numbers_are_found_by_name() -> None:
    assert numbers(requests=3)["requests"] == 3


def test_numbers_of_several_processes_are_added_up() -> None:
    both = numbers(requests=3, threads=2) + numbers(requests=4, threads=1)
    assert (both["requests"], both["threads"]) == (7, 3)


def test_of_a_process_that_has_ended_nothing_is_left_that_can_fall() -> None:
    ended = numbers(requests=3, threads=2, connections_open=5).without_gauges()
    assert (ended["requests"], ended["threads"], ended["connections_open"]) == (3, 0, 0)


def test_answers_are_told_by_method_and_class() -> None:
    values = [0] * WIDTH
    values[PLACES["answers"].start + 2] = 7  # the first row, the third column
    assert Numbers(values).answers() == {("GET", "2xx"): 7}


def test_in_flight_is_what_was_begun_and_is_not_over() -> None:
    assert numbers(requests_begun=5, requests=3).in_flight == 2
    # A reader between two additions of the engine sees no negative number.
    assert numbers(requests_begun=5, requests=6).in_flight == 0
