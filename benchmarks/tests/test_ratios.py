"""Medians and ratios of interleaved rounds."""

from benchmarks.ratios import Turn, pairwise_ratios, rows, spread


def turn(cpu_microseconds: float, *, errors: int = 0) -> Turn:
    return Turn(
        requests=1000,
        seconds=2.0,
        cpu_seconds=cpu_microseconds * 1000 / 1e6,
        errors=errors,
        p50_seconds=0.001,
        p99_seconds=0.004,
    )


def test_cpu_per_request_is_in_microseconds() -> None:
    assert round(turn(12.5).cpu_microseconds_per_request, 6) == 12.5


def test_a_ratio_compares_neighbours_of_the_same_round() -> None:
    # The machine became twice as slow in the second round; the ratio does not notice.
    assert pairwise_ratios([turn(5), turn(10)], [turn(10), turn(20)]) == [0.5, 0.5]


def test_spread_gives_the_median_and_both_ends() -> None:
    result = spread([3.0, 1.0, 9.0])
    assert (result.median, result.low, result.high) == (3.0, 1.0, 9.0)


def test_the_reference_has_no_ratio_to_itself() -> None:
    ours, theirs = rows({"trivet": [turn(5)], "bjoern": [turn(10)]}, reference="trivet")
    assert ours.ratio is None
    assert theirs.ratio is not None
    assert theirs.ratio.median == 0.5


def test_errors_of_all_rounds_are_added_up() -> None:
    (row,) = rows({"trivet": [turn(5, errors=1), turn(5, errors=2)]}, reference="trivet")
    assert row.errors == 3
