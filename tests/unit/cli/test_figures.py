"""Numbers in tables, as people read them."""

import pytest

from trivet.cli.figures import age, count, rate, size


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d"), (None, "–")],
)
def test_ages(seconds: object, shown: str) -> None:
    assert age(seconds) == shown


def test_sizes_counts_and_rates() -> None:
    assert (size(7_654_321), size(123_456_789), size(None)) == ("7.3 MiB", "118 MiB", "–")
    assert (count(1234567), count(None)) == ("1,234,567", "–")
    assert (rate(0.25), rate(12345.6), rate(None)) == ("0.2/s", "12,346/s", "–")
