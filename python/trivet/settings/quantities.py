"""Kinds of setting that are numbers with a unit: durations and sizes. Text always has the unit."""

from __future__ import annotations

from trivet.settings.kinds import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

SECOND = 1.0
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

# From the largest to the smallest, so that the first that divides a value shows it shortest.
DURATION_UNITS: Mapping[str, float] = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 0.001}
SIZE_UNITS: Mapping[str, int] = {
    "TiB": TIB,
    "GiB": GIB,
    "MiB": MIB,
    "KiB": KIB,
    "TB": 1000**4,
    "GB": 1000**3,
    "MB": 1000**2,
    "KB": 1000,
    "B": 1,
}


class Duration(Kind):
    """A length of time: seconds inside Settings, always with its unit in text."""

    placeholder = "DURATION"
    type = float

    def __init__(self, minimum: float = 0.0, maximum: float = 365 * DAY) -> None:
        # The upper bound keeps the engine's clock arithmetic from overflowing.
        self.minimum = minimum
        self.maximum = maximum
        self.expected = "a duration with its unit, such as 5s or 250ms"

    def from_text(self, text: str) -> float:
        stripped = text.strip().lower()
        if stripped == "0":
            return self._bounded(0.0)
        amounts = _split_amounts(stripped, DURATION_UNITS)
        if amounts is None:
            raise self.wrong()
        return self._bounded(sum(float(number) * DURATION_UNITS[unit] for number, unit in amounts))

    def from_keyword(self, value: object) -> float:
        # A bare number is seconds, as everywhere in Python's own library.
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._bounded(float(value))
        total_seconds = getattr(value, "total_seconds", None)  # datetime.timedelta, not imported
        if callable(total_seconds):
            return self._bounded(float(total_seconds()))
        return self.from_file(value)

    def from_file(self, value: object) -> float:
        if isinstance(value, str):
            return self.from_text(value)
        raise self.wrong()

    def accepts(self, value: object) -> bool:
        return isinstance(value, float) and self.minimum <= value <= self.maximum

    def show(self, value: float) -> str:
        if value == 0:
            return "0s"
        for unit, seconds in DURATION_UNITS.items():
            # 90 minutes are "90m" and not "1.5h": only whole numbers of a unit. Rounded, because
            # 0.007 / 0.001 is a little more than 7.
            number = round(value / seconds, 6)
            if number >= 1 and number.is_integer():
                return f"{int(number)}{unit}"
        return f"{value:.9f}".rstrip("0") + "s"

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": _amounts_pattern(DURATION_UNITS, repeated=True)}

    def correction(self, value: object) -> str | None:
        # gunicorn's durations are seconds without a unit.
        return _with_unit(self, value, "s")

    def _bounded(self, seconds: float) -> float:
        if not self.minimum <= seconds <= self.maximum:  # refuses not-a-number too
            raise ValueError(
                f"expected a duration from {self.show(self.minimum)} to {self.show(self.maximum)}"
            )
        return seconds


class Size(Kind):
    """A number of bytes, always with its unit in text; KiB is 1024 and KB is 1000."""

    placeholder = "SIZE"
    type = int

    def __init__(self, minimum: int = 0, maximum: int = 2**63 - 1) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.expected = "a size with its unit, such as 64KiB or 16MiB"

    def from_text(self, text: str) -> int:
        stripped = text.strip()
        if stripped == "0":
            return self._bounded(0)
        amounts = _split_amounts(stripped.lower(), {unit.lower(): 1 for unit in SIZE_UNITS})
        if amounts is None or len(amounts) != 1:
            raise self.wrong()
        (number, unit_in_lower_case), *_ = amounts
        factor = next(n for unit, n in SIZE_UNITS.items() if unit.lower() == unit_in_lower_case)
        size = float(number) * factor if "." in number else int(number) * factor
        if size != int(size):
            raise ValueError("expected a whole number of bytes")
        return self._bounded(int(size))

    def from_keyword(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return self._bounded(value)
        return self.from_file(value)

    def from_file(self, value: object) -> int:
        if isinstance(value, str):
            return self.from_text(value)
        raise self.wrong()

    def accepts(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.minimum <= value <= self.maximum
        )

    def show(self, value: int) -> str:
        for unit, factor in SIZE_UNITS.items():
            if value >= factor and value % factor == 0:
                return f"{value // factor}{unit}"
        return f"{value}B" if value else "0"

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": _amounts_pattern(SIZE_UNITS, repeated=False)}

    def correction(self, value: object) -> str | None:
        return _with_unit(self, value, "B")

    def _bounded(self, size: int) -> int:
        if not self.minimum <= size <= self.maximum:
            raise ValueError(
                f"expected a size from {self.show(self.minimum)} to {self.show(self.maximum)}"
            )
        return size


def _split_amounts(text: str, units: Mapping[str, float]) -> list[tuple[str, str]] | None:
    """Cut "1m30s" into [("1", "m"), ("30", "s")]; None when it is not numbers with units."""
    amounts: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        start = position
        while position < len(text) and text[position] in "0123456789.":
            position += 1
        number = text[start:position]
        start = position
        while position < len(text) and text[position] not in "0123456789.":
            position += 1
        unit = text[start:position].strip()
        whole, _, fraction = number.partition(".")
        if unit not in units or not whole or ("." in number and not fraction.isdigit()):
            return None
        amounts.append((number, unit))
    return amounts or None


def _amounts_pattern(units: Mapping[str, object], *, repeated: bool) -> str:
    """The regular expression, for JSON Schema, of what _split_amounts accepts in usual spelling."""
    # The longest unit first: in an alternation "m" would win over "ms".
    alternatives = "|".join(sorted(units, key=len, reverse=True))
    one = rf"[0-9]+(\.[0-9]+)? ?({alternatives})"
    return rf"^(0|({one})+)$" if repeated else rf"^(0|{one})$"


def _with_unit(kind: Kind, value: object, unit: str) -> str | None:
    """A number that lacks its unit, with the unit; None when that would be refused as well."""
    if not _is_bare_number(value):
        return None
    try:
        kind.from_text(f"{value}{unit}")
    except ValueError:
        return None
    return f"{value}{unit}"


def _is_bare_number(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdigit()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
