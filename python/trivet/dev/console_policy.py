"""Whether this start of `trivet dev` may be, and whether it has consoles; decides only."""

from __future__ import annotations

from trivet.dev.production_signs import production_sign
from trivet.errors import DebugInProduction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.dev.session import DevSession


def refuse_in_production(environ: Mapping[str, str]) -> None:
    """Raise DebugInProduction when the environment says that visitors are real."""
    sign = production_sign(environ)
    if sign is None:
        return
    raise DebugInProduction(
        f"trivet dev shows the app's inside and runs code, and {sign.variable} is set in the"
        f" environment, which says that this is production ({sign.platform})",
        hint="`trivet serve` is the command for production; where this is none, unset"
        f" {sign.variable}",
    )


def console_policy(*, wanted: bool, lan: bool, environ: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether there are consoles, and if not, why, in the words of the page."""
    if lan:
        return False, "this start is open to the network (--lan)"
    if not wanted:
        return False, "it is switched off (--no-console)"
    sign = production_sign(environ)
    if sign is not None:
        return False, f"{sign.variable} is set, which says production ({sign.platform})"
    return True, ""


def console_link(session: DevSession) -> str:
    """Return the URL that gives a browser the token of this start; empty without a console."""
    if not session.console or not session.urls:
        return ""
    return f"{session.urls[0].rstrip('/')}/-/trivet/open?token={session.token}"
