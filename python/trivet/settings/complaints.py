"""The sentences for a setting that cannot be read, worded alike for every place it can stand in."""

from __future__ import annotations

from trivet.errors import InvalidSetting, UnknownSetting
from trivet.settings.nearest import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from trivet.settings.table import Spec


def invalid(
    spec: Spec, spelling: str, value: object, complaint: ValueError, place: str = ""
) -> InvalidSetting:
    """ "trivet.toml: workers is 0, expected a whole number …". Secret values stay out."""
    where = f"{place}: " if place else ""
    if spec.secret:
        return InvalidSetting(f"{where}{spelling} is wrong, expected {spec.kind.expected}")
    # In a file and in Python text has quotes; on the command line it has them only where it must.
    quoted = bool(place)
    correction = spec.kind.correction(value)
    return InvalidSetting(
        f"{where}{spelling} is {_shown(value, quoted)}, {complaint}",
        hint=f"did you mean {_shown(correction, quoted)}?" if correction else None,
    )


def unknown(
    what: str, name: str, known: Iterable[str], otherwise: str = "`trivet settings` shows them all"
) -> UnknownSetting:
    """The error for a name that is no setting; its hint is the nearest name, or `otherwise`."""
    return UnknownSetting(what, hint=did_you_mean(name, known) or otherwise)


def _shown(value: object, quoted: bool) -> str:
    """A value as it stands in the user's own text; quoted too where its edges would not be seen."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if value.isprintable() else ascii(value)[1:-1]
        return f'"{text}"' if quoted or not text or " " in text else text
    return repr(value)
