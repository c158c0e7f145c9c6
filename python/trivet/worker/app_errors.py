"""Exceptions that the app lets through: one event each, with the traceback and the request's id.

Runs on the thread that has served the request, before its client sees the answer.
"""

from __future__ import annotations

import os

from trivet.errors import RequestTimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from typing import Any

    from trivet.observe.log import Log

UNKNOWN = "?"


class AppErrors:
    """Tells a log. `fields` are added to each event, such as the number of the worker."""

    def __init__(self, log: Log, **fields: object) -> None:
        self._log = log
        self._fields = {"pid": os.getpid(), **fields}

    def tell(self, error: BaseException, environ: dict[str, Any] | None) -> None:
        """Log an exception. `environ` is what the app has made of it, None where there was none."""
        if isinstance(error, RequestTimedOut):
            return  # raised by ourselves, after the log had it with a better stack
        from traceback import format_exception, format_exception_only

        request = environ or {}
        self._log.emit(
            "request-failed",
            method=request.get("REQUEST_METHOD", UNKNOWN),
            target=request.get("REQUEST_URI", UNKNOWN),
            error="".join(format_exception_only(type(error), error)).strip(),
            request_id=request.get("trivet.request_id", UNKNOWN),
            detail="".join(format_exception(type(error), error, error.__traceback__)),
            **self._fields,
        )
