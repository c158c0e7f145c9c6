"""One row for a setting of another server, and what becomes of a value of it; no server is named.

A converter gives a value as trivet.toml would have it, or Leave, when this very value needs nothing
of ours. A row may name a setting that this version does not have: then it is told to be missing.
"""

from __future__ import annotations

from trivet.settings.complaints import invalid
from trivet.settings.sources import Given, Layer
from trivet.settings.table import SPECS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NOT_YET = "Trivet does not have it yet"


class Leave:
    """A value that is left out, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Instead:
    """A value that is another setting of ours than its row's."""

    def __init__(self, ours: str, value: object) -> None:
        self.ours = ours
        self.value = value


class Row:
    """A setting of another server: `ours` and how a value is converted, or the `reason` why not."""

    def __init__(
        self,
        name: str,
        ours: str = "",
        convert: Callable[[object], object] = lambda value: value,
        *,
        reason: str = "",
        flags: tuple[str, ...] = (),
        takes_value: bool = True,
        constant: object = True,
        implies: tuple[str, object] | None = None,
    ) -> None:
        self.name = name
        self.ours = ours
        self.convert = convert
        self.flags = flags
        self.takes_value = takes_value
        #: What a flag without a value stands for.
        self.constant = constant
        #: A setting of ours that says what the other server does where nothing else is said.
        self.implies = implies
        self._reason = reason

    @property
    def is_mapped(self) -> bool:
        return self.ours in SPECS

    @property
    def reason(self) -> str:
        """Why nothing of ours corresponds; beside a mapped row, what is different."""
        return self._reason or ("" if self.is_mapped else NOT_YET)


class Translation:
    """What came of a whole configuration: our settings, and what was left out with the reasons."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.settings: dict[str, object] = {}
        self.given: dict[str, Given] = {}
        self.origins: dict[str, str] = {}
        self.left_out: list[tuple[str, str]] = []

    def notes(self) -> list[str]:
        """What a person should be told when a server starts with it."""
        mapped = ", ".join(
            name if name == ours else f"{name} ({ours})" for ours, name in self.origins.items()
        )
        told = [f"{self.source} gives {mapped}"] if mapped else []
        return told + [
            f"{name} in {self.source} is not used: {reason}" for name, reason in self.left_out
        ]


def translate(
    source: str, values: Iterable[tuple[str, object]], table: Mapping[str, Row]
) -> Translation:
    """Convert and check every value. Raises InvalidSetting for what cannot be right anywhere."""
    translation = Translation(source)
    implied: list[tuple[str, str, object]] = []
    for name, value in values:
        row = table.get(name)
        if row is None:
            translation.left_out.append((name, "it is in no table of Trivet's"))
            continue
        if not row.is_mapped:
            translation.left_out.append((name, row.reason))
            continue
        ours, spec = row.ours, SPECS[row.ours]
        try:
            converted = row.convert(value)
            if isinstance(converted, Instead):
                ours, spec, converted = converted.ours, SPECS[converted.ours], converted.value
            if isinstance(converted, Leave):
                translation.left_out.append((name, converted.reason))
                continue
            read = spec.kind.from_file(converted)
        except ValueError as complaint:
            raise invalid(spec, name, value, complaint, source) from None
        translation.settings[ours] = converted
        translation.given[ours] = Given(read, source, Layer.FOREIGN)
        translation.origins[ours] = name
        if row.implies is not None:
            implied.append((name, *row.implies))
    for name, ours, meant in implied:
        if ours not in translation.settings:
            read = SPECS[ours].kind.from_file(meant)
            translation.settings[ours] = meant
            translation.given[ours] = Given(read, source, Layer.FOREIGN)
            translation.origins[ours] = name
    return translation


def as_toml(translation: Translation) -> str:
    """The trivet.toml that says the same, with what was left out as comments."""
    lines = [f"# From {translation.source}."]
    lines += [f"{name} = {toml_value(value)}" for name, value in translation.settings.items()]
    if translation.left_out:
        lines += ["", "# Not taken over:"]
        lines += [f"#   {name}: {reason}" for name, reason in translation.left_out]
    return "\n".join(lines)


def toml_value(value: object) -> str:
    """A text, number, boolean or list of these as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(one) for one in value)}]"
    if isinstance(value, int):
        return str(value)
    import json  # a basic string of TOML has the escapes of JSON's, which ASCII keeps to

    return json.dumps(str(value))


# Converters


def whole(value: object) -> object:
    """A number, also where it comes as text."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


def seconds(value: object) -> object:
    """Seconds without a unit."""
    number = str(value).strip()
    return f"{number}s"


def switch(value: object) -> object:
    """True and false in the words of ini files and Python."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", "none", ""):
        return False
    raise ValueError("expected true or false")


def addresses(value: object) -> object:
    """One address or several, in a list or separated by commas or spaces."""
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return str(value).replace(",", " ").split()


def peers(value: object) -> object:
    """Addresses of proxies. Everybody is never trusted."""
    found = addresses(value)
    if isinstance(found, list) and "*" in found:
        return Leave("* trusts everybody; name the addresses or networks of your proxies")
    return found
