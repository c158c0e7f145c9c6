"""The name that somebody probably meant; used wherever an unknown name is an error."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when none is near enough to be worth a hint."""
    # Costs some milliseconds to import, and is needed only when something is wrong already.
    from difflib import get_close_matches

    # Case is never what people got wrong on purpose: compare without it, answer with it.
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The hint for an unknown name, or None."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near is not None else None
