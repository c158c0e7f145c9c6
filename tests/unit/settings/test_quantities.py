"""trivet.settings.quantities: durations and sizes, read with their units and shown with them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.settings.quantities import GIB, HOUR, KIB, MIB, MINUTE, Duration, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("2m", 2 * MINUTE),
        ("1h", HOUR),
        ("1m30s", 90),
        ("1d", 24 * HOUR),
        ("5 s", 5),
        ("5S", 5),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert Duration().from_text(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "", "s", "5x", "5s5", "-5s", "1.s", ".5s", "1..5s", "5sec"])
def test_a_duration_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^expected a duration with its unit, such as 5s or 250ms"
    ):
        Duration().from_text(text)


@pytest.mark.parametrize("value", [5, 5.0, True, None])
def test_a_bare_number_is_no_duration_in_a_file(value: object) -> None:
    with pytest.raises(ValueError, match="such as 5s or 250ms"):
        Duration().from_file(value)


@pytest.mark.parametrize("value", [5, 5.0, "5s", timedelta(seconds=5)])
def test_a_keyword_may_be_seconds_or_a_timedelta(value: object) -> None:
    assert Duration().from_keyword(value) == 5.0


@pytest.mark.parametrize("value", [True, None, float("nan"), float("inf"), -1.0, [5]])
def test_a_keyword_that_is_no_length_of_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        Duration().from_keyword(value)


def test_a_duration_out_of_bounds_is_told_the_bounds() -> None:
    with pytest.raises(ValueError, match=r"^expected a duration from 1ms to 365d$"):
        Duration(minimum=0.001).from_text("0")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (75, "75s"),
        (0.25, "250ms"),
        (120, "2m"),
        (5400, "90m"),
        (0, "0s"),
        (0.0015, "0.0015s"),
        (0.007, "7ms"),
    ],
)
def test_a_duration_is_shown_in_its_largest_whole_unit(seconds: float, shown: str) -> None:
    assert Duration().show(float(seconds)) == shown


@given(st.integers(min_value=0, max_value=10**9))
def test_a_duration_that_is_shown_is_read_as_itself(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert Duration().from_text(Duration().show(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64KiB", 64 * KIB),
        ("16MiB", 16 * MIB),
        ("1.5MiB", 3 * MIB // 2),
        ("2gib", 2 * GIB),
        ("1KB", 1000),
        ("100B", 100),
        ("16 MiB", 16 * MIB),
        ("0", 0),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert Size().from_text(text) == size


@pytest.mark.parametrize("text", ["1024", "", "MiB", "16M", "1KiB1B", "-1KiB", "1.KiB"])
def test_a_size_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^expected a size with its unit, such as 64KiB or 16MiB$"
    ):
        Size().from_text(text)


def test_a_part_of_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of bytes"):
        Size().from_text("1.5B")


def test_a_size_out_of_bounds_is_told_the_bounds() -> None:
    with pytest.raises(ValueError, match=r"^expected a size from 64B to 1MiB$"):
        Size(minimum=64, maximum=MIB).from_text("2MiB")


def test_a_keyword_may_be_bytes() -> None:
    assert Size().from_keyword(4096) == 4096


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_size_that_is_shown_is_read_as_itself(size: int) -> None:
    assert Size().from_text(Size().show(size)) == size


def test_a_unit_is_suggested_only_where_the_value_would_be_accepted() -> None:
    assert Size(KIB, MIB).correction("0") is None
    assert Size(KIB, MIB).correction("2048") == "2048B"
    assert Duration(1.0, HOUR).correction("0") is None
    assert Duration(1.0, HOUR).correction("5") == "5s"
