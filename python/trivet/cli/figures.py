"""Numbers as people read them in a table: ages, sizes, counts; what is not known is a dash."""

from __future__ import annotations

UNKNOWN = "–"

#: Seconds in a unit, and below how many seconds it is used.
AGES = ((1, "s", 120), (60, "m", 2 * 3600), (3600, "h", 2 * 86400), (86400, "d", None))


def age(seconds: object) -> str:
    """A time in its largest whole unit: 45s, 12m, 30h, 9d."""
    if not isinstance(seconds, int | float):
        return UNKNOWN
    for size, unit, limit in AGES:
        if limit is None or seconds < limit:
            return f"{int(seconds // size)}{unit}"
    raise AssertionError("the last unit has no limit")


def duration(seconds: object) -> str:
    """A time in which something ran: 3.2ms, 150ms, 2.5s, 12m."""
    if not isinstance(seconds, int | float):
        return UNKNOWN
    if seconds < 1:
        milliseconds = seconds * 1000
        return f"{milliseconds:.1f}ms" if milliseconds < 10 else f"{milliseconds:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 100 else age(seconds)


def size(byte_count: object) -> str:
    """Memory in MiB, to one digit below ten."""
    if not isinstance(byte_count, int):
        return UNKNOWN
    mebibytes = byte_count / 1024**2
    return f"{mebibytes:.1f} MiB" if mebibytes < 10 else f"{mebibytes:.0f} MiB"


def count(number: object) -> str:
    """A count, with thousands set apart."""
    return f"{number:,}" if isinstance(number, int) else UNKNOWN


def rate(per_second: object) -> str:
    """Something per second."""
    if not isinstance(per_second, int | float):
        return UNKNOWN
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"
