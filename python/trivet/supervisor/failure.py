"""Make a worker's error again in the supervisor, with the steps of the start; others raise it."""

from __future__ import annotations

from trivet.errors import TrivetBug, TrivetError
from trivet.startup import Startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Iterator, Mapping
    from typing import Any


def rebuild_error(data: Mapping[str, Any], *, colour: bool) -> TrivetError:
    """The error of a worker's `failed` message, with the steps of the start above its details.

    JSON and not pickle carries it: unpickling could import the app into the supervisor.
    """
    classes = {error_class.name: error_class for error_class in _all_classes(TrivetError)}
    error_class = classes.get(data.get("name", ""), TrivetBug)
    steps = Startup.from_dict(data["startup"]).render(colour) if data.get("startup") else ""
    details = "\n".join(part for part in (steps, data.get("details")) if part)
    # Some classes take other arguments than these three; how they were made does not matter here.
    error = error_class.__new__(error_class, data["what"])
    TrivetError.__init__(error, data["what"], hint=data.get("hint"), details=details)
    return error


def _all_classes(error_class: type[TrivetError]) -> Iterator[type[TrivetError]]:
    yield error_class
    for subclass in error_class.__subclasses__():
        yield from _all_classes(subclass)
