"""What browsers see when the app cannot be loaded: plain text for now."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trivet.dev.broadcast import Broadcast
    from trivet.dev.load_failure import LoadFailure
    from trivet.dev.session import DevSession


class Debugger:
    """The application as it is."""

    def __init__(self, app: Any, session: DevSession, broadcast: Broadcast) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._app(environ, start_response)


def import_error_application(
    exception: BaseException, session: DevSession, broadcast: Broadcast, *, log_lines: list[str]
) -> Any:
    """An application that shows the exception that kept the app from loading."""
    import traceback

    return _page("".join(traceback.format_exception(exception)))


def plain_error_application(failure: LoadFailure, session: DevSession, broadcast: Broadcast) -> Any:
    """An application that shows what is known of a process that died or hangs."""
    return _page("\n\n".join([failure.what, failure.detail, failure.stacks, failure.hint]))


def _page(text: str) -> Any:
    body = text.encode("utf-8", "replace")

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        start_response("500 Internal Server Error", headers)
        return [body]

    return application
