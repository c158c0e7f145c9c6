"""A WSGI application without a framework: the first part of the path chooses a view.

`application` is served as it is, `validated` inside the standard library's validator.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.validate import validator

from tests.compliance.application import (
    environ_views,
    file_views,
    input_views,
    journal,
    response_views,
    responses,
    scripted_views,
    upgrade_views,
)

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
View = Callable[[Environ, StartResponse, Mapping[str, str]], Iterable[bytes]]


def read_journal(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    """Answer the entries of a key; with `wait`, only when one starts so (504 when none came)."""
    found = journal.wait_for(query["key"], query["wait"]) if "wait" in query else True
    start_response(
        "200 OK" if found else "504 Nothing Happened", [("Content-Type", "application/json")]
    )
    return [json.dumps(journal.entries(query["key"])).encode()]


def open_gate(
    environ: Environ, start_response: StartResponse, query: Mapping[str, str]
) -> Iterable[bytes]:
    journal.open_gate(query["key"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


# These register what they have in `responses`.
RESPONSE_MODULES = (response_views, file_views, upgrade_views)

VIEWS: Mapping[str, View] = {
    "journal": read_journal,
    "open": open_gate,
    **environ_views.VIEWS,
    **input_views.VIEWS,
    **responses.VIEWS,
    **scripted_views.VIEWS,
}


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    name = environ["PATH_INFO"].lstrip("/").split("/")[0]
    view = VIEWS.get(name, environ_views.report)
    return view(environ, start_response, dict(parse_qsl(environ["QUERY_STRING"])))


validated = validator(application)
