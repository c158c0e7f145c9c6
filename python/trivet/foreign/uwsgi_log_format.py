"""uWSGI's log-format as a format string of ours: a table of its variables, and putting them in."""

from __future__ import annotations

from trivet.foreign.mapping import Leave
from trivet.settings.access_log_format import take_apart

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

#: Variables of uWSGI, and what says the same here. Those that are not here tell of what only
#: uWSGI has, or of its own numbers.
VARIABLES: Mapping[str, str] = {
    "addr": "%(h)s",
    "user": "%(u)s",
    "method": "%(m)s",
    "uri": "%(target)s",
    "proto": "%(H)s",
    "host": "%({host}i)s",
    "uagent": "%(a)s",
    "referer": "%(f)s",
    "status": "%(s)s",
    "size": "%(B)s",
    "rsize": "%(B)s",
    "cl": "%({content-length}i)s",
    "secs": "%(T)s",
    "msecs": "%(M)s",
    "micros": "%(D)s",
    "pid": "%(p)s",
    "ltime": "%(t)s",
}
#: Variables of the environ.
OF_ENVIRON = "var."


def log_format(value: object) -> object:
    """The format string that writes the same line, or why there is none."""
    # Our time has its brackets.
    text = str(value).replace("[%(ltime)]", "%(ltime)")
    first, *parts = text.split("%(")
    converted = first.replace("%", "%%")
    for part in parts:
        name, _, rest = part.partition(")")
        if name.startswith(OF_ENVIRON):
            ours = f"%({{{name.removeprefix(OF_ENVIRON)}}}e)s"
        elif name in VARIABLES:
            ours = VARIABLES[name]
        else:
            return Leave(f"nothing says what %({name}) does; see access_log_format")
        converted += ours + rest.replace("%", "%%")
    try:
        take_apart(converted)
    except ValueError as complaint:
        return Leave(f"access_log_format would be {converted}, {complaint}")
    return converted
