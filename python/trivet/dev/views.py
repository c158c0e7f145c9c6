"""The name of the view that answered a request, where the framework lets one know; Flask so far."""

from __future__ import annotations

#: Where a request's environ has what was noted: the view's name, and whether it serves files.
NOTED = "trivet.view"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def noting_views(app: Any) -> Callable[[dict[str, Any], Any], Any]:
    """The application, which leaves in each environ which view has answered."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: Any, *exc_info: Any) -> Any:
            environ[NOTED] = view_of(environ, app), is_static_view(environ)
            return start_response(status, headers, *exc_info)

        return app(environ, start)

    return application


def view_of(environ: Mapping[str, Any], app: object) -> str:
    """The view as a person finds it, `shop.views.cart`; its endpoint when that is all there is.

    `app` is the application as it was loaded. Call it when the app calls start_response: Werkzeug's
    Request puts itself into the environ, Flask writes down in it which rule matched, and takes it
    out again as soon as the view has returned (flask.ctx, RequestContext.pop).
    """
    endpoint = _endpoint(environ)
    if not endpoint:
        return ""
    functions = getattr(app, "view_functions", None)
    function = functions.get(endpoint) if isinstance(functions, dict) else None
    if function is None:
        return endpoint
    # View.as_view() makes a function that knows its class (flask.views).
    named = getattr(function, "view_class", function)
    module = getattr(named, "__module__", None)
    name = getattr(named, "__qualname__", None)
    return f"{module}.{name}" if module and name else endpoint


def is_static_view(environ: Mapping[str, Any]) -> bool:
    """Whether Flask's own view for static files answered, or that of a blueprint."""
    endpoint = _endpoint(environ)
    return endpoint == "static" or endpoint.endswith(".static")


def _endpoint(environ: Mapping[str, Any]) -> str:
    endpoint = getattr(environ.get("werkzeug.request"), "endpoint", None)
    return endpoint if isinstance(endpoint, str) else ""
