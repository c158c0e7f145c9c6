"""Pages that refresh themselves: not yet."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trivet.dev.broadcast import Broadcast
    from trivet.dev.session import DevSession


class Refresh:
    """The application as it is."""

    def __init__(self, app: Any, session: DevSession, broadcast: Broadcast) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._app(environ, start_response)
