"""The table of counters says the same as the memory that the compiled engine counts in."""

from trivet.observe import board
from trivet.observe.counters import COUNTERS, DURATION_BOUNDS, METHODS, STATUS_CLASSES, WIDTH
from trivet.observe.shared_memory import REGION_BYTES


def test_the_counters_lie_where_the_engine_counts() -> None:
    from trivet import _engine

    ours = [(counter.name, counter.width) for counter in COUNTERS]
    assert ours == _engine.COUNTER_LAYOUT, (
        "COUNTERS in python/trivet/observe/counters.py and counters! in "
        "crates/trivet-server/src/stats.rs must list the same names in the same order; differing: "
        f"{sorted(set(ours) ^ set(_engine.COUNTER_LAYOUT))}"
    )


def test_rows_columns_and_buckets_are_those_of_the_engine() -> None:
    from trivet import _engine

    ours = (list(METHODS), list(STATUS_CLASSES), list(DURATION_BOUNDS))
    compiled = (_engine.COUNTED_METHODS, _engine.STATUS_CLASSES, _engine.DURATION_BOUNDS)
    assert ours == compiled, (
        "METHODS, STATUS_CLASSES and DURATION_BOUNDS in python/trivet/observe/counters.py must be "
        "METHODS, CLASSES and BOUNDS in crates/trivet-server/src/stats.rs"
    )


def test_there_is_room_for_all_of_them() -> None:
    assert WIDTH * 8 + board.BOARD_BYTES <= REGION_BYTES


def test_the_board_lies_where_the_engine_writes_it() -> None:
    from trivet import _engine

    assert (board.ENTRIES, board.WORDS, board.TEXT_WORDS) == _engine.BOARD_LAYOUT, (
        "ENTRIES, WORDS and TEXT_WORDS in python/trivet/observe/board.py must be those of "
        "crates/trivet-server/src/board.rs"
    )
