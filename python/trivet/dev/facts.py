"""Facts about a request: method, headers, form, session, route, view, configuration; masked.

The environ gives most of it; Flask and Django are asked for the rest while the view's context is
there. Neither is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote

from trivet.dev.current_request import Noted
from trivet.dev.masking import MASK, is_secret, mask_inside, masked
from trivet.dev.report import Panel, RequestFacts
from trivet.dev.safe_repr import safe_repr

MOST_ROWS = 200
_LONGEST_VALUE = 2_000
_LONGEST_BODY = 8_000

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FrameworkFacts:
    """What only the framework knows."""

    name: str
    route: str = ""
    view: str = ""
    view_place: str = ""
    panels: tuple[Panel, ...] = ()


def request_facts(noted: Noted) -> RequestFacts:
    """Return the facts of the request that was noted. Raises nothing."""
    environ = noted.environ
    path = quote(
        _text(environ.get("SCRIPT_NAME", "")) + _text(environ.get("PATH_INFO", "")),
        safe="/:@!$&'()*+,;=~%",
    )
    query = (
        mask_inside("?" + str(environ.get("QUERY_STRING", "")))
        if environ.get("QUERY_STRING")
        else ""
    )
    scheme = environ.get("wsgi.url_scheme", "http")
    host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME')}:{environ.get('SERVER_PORT')}"
    body, note = body_text(noted)
    facts = RequestFacts(
        method=str(environ.get("REQUEST_METHOD", "GET")),
        url=f"{scheme}://{host}{path}{query}",
        path=f"{path}{query}",
        headers=headers(environ),
        body=body,
        body_note=note,
        panels=tuple(_panels(environ, noted)),
    )
    known = noted.facts
    if not isinstance(known, FrameworkFacts):
        return facts
    return replace(
        facts,
        route=known.route,
        view=known.view,
        view_place=known.view_place,
        framework=known.name,
        panels=(*facts.panels, *known.panels),
    )


def headers(environ: Mapping[str, Any]) -> Rows:
    """Return the request's headers, with their usual capitals."""
    found = []
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found.append((name.replace("_", "-").title(), str(environ[name])))
    found += [
        (name[5:].replace("_", "-").title(), _text(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    ]
    return tuple(
        (name, masked(name, value[:_LONGEST_VALUE])) for name, value in sorted(found)[:MOST_ROWS]
    )


def body_text(noted: Noted) -> tuple[str, str]:
    """Return what the app read of the body, masked, when it is text; and what is to be said."""
    kept = bytes(noted.body.kept)
    kind = str(noted.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    length = str(noted.environ.get("CONTENT_LENGTH") or "")
    if not kept:
        return "", f"{length} bytes, not read by the app" if length not in ("", "0") else ""
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(kept.decode("utf-8", "replace"), keep_blank_values=True)
        text = "&".join(
            f"{quote(name)}={MASK if is_secret(name) and value else quote(mask_inside(value))}"
            for name, value in pairs
        )
    elif "json" in kind:
        text = _json_masked(kept.decode("utf-8", "replace"))
    elif kind.startswith("text/") or "xml" in kind:
        text = mask_inside(kept.decode("utf-8", "replace"))
    else:
        return "", f"{len(kept):,} bytes of {kind or 'no stated type'}"
    cut = noted.body.was_cut or len(text) > _LONGEST_BODY
    return text[:_LONGEST_BODY], f"cut at {_LONGEST_BODY:,} characters" if cut else ""


def _json_masked(text: str) -> str:
    import json

    try:
        value = json.loads(text)
    except ValueError:
        return mask_inside(text)
    return json.dumps(_without_secrets(value), ensure_ascii=False)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: masked(key, str(item)) if is_secret(key) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return mask_inside(value) if isinstance(value, str) else value


def rows(pairs: Iterable[tuple[Any, Any]]) -> Rows:
    """Return name and text of each pair, masked."""
    found = []
    for name, value in pairs:
        shown = (
            masked(name, safe_repr(value, _LONGEST_VALUE))
            if value not in ("", None)
            else repr(value)
        )
        found.append((str(name), shown))
        if len(found) >= MOST_ROWS:
            break
    return tuple(found)


def _panels(environ: Mapping[str, Any], noted: Noted) -> Iterable[Panel]:
    query = parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    if query:
        yield Panel(title="Query", rows=rows(query))
    kind = str(environ.get("CONTENT_TYPE", "")).partition(";")[0]
    if kind == "application/x-www-form-urlencoded" and noted.body.kept:
        form = parse_qsl(bytes(noted.body.kept).decode("utf-8", "replace"), keep_blank_values=True)
        yield Panel(title="Form", rows=rows(form))
    elif parsed := _parsed_form(environ):
        yield Panel(title="Form", rows=rows(parsed))


def _parsed_form(environ: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """A form that Werkzeug has parsed already; parsing it here would read the input."""
    form = getattr(environ.get("werkzeug.request"), "__dict__", {}).get("form")
    items = getattr(form, "items", None)
    return list(items(multi=True)) if items is not None else []


def _quietly(read: Callable[[], Any], default: Any) -> Any:
    try:
        return read()
    except Exception:  # noqa: BLE001 - a report about one error must not die of another
        return default


def flask_facts(app: Any) -> FrameworkFacts:
    """Facts that Flask has while the request's context is there."""
    flask = sys.modules["flask"]
    request = flask.request
    rule = _quietly(lambda: request.url_rule, None)
    endpoint = _quietly(lambda: request.endpoint, None)
    function = app.view_functions.get(endpoint) if endpoint else None
    panels = [
        Panel(
            title="Route values", rows=_quietly(lambda: rows((request.view_args or {}).items()), ())
        ),
        Panel(
            title="Session",
            rows=_quietly(lambda: rows(dict(flask.session).items()), ()),
            note="flask.session",
        ),
        Panel(
            title="g",
            rows=_quietly(lambda: rows(vars(flask.g._get_current_object()).items()), ()),
            note="flask.g",
        ),
        Panel(
            title="Configuration",
            rows=_quietly(lambda: rows(sorted(app.config.items())), ()),
            note="app.config, secrets masked",
        ),
    ]
    return FrameworkFacts(
        name="Flask",
        route=f"{rule} → {endpoint}" if rule is not None else "",
        view=view_name(function),
        view_place=view_place(function),
        panels=tuple(panel for panel in panels if panel.rows),
    )


def django_facts(request: Any) -> FrameworkFacts:
    """Facts that Django has put on the request."""
    match = getattr(request, "resolver_match", None)
    function = getattr(match, "func", None)
    function = getattr(function, "view_class", function)
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    names = _quietly(lambda: sorted(name for name in dir(settings) if name.isupper()), [])
    session = getattr(request, "session", None)
    panels = [
        Panel(
            title="Route values",
            rows=_quietly(lambda: rows(getattr(match, "kwargs", {}).items()), ()),
        ),
        Panel(
            title="Session",
            rows=_quietly(lambda: rows(dict(session.items()).items()), ())
            if session is not None
            else (),
            note="request.session",
        ),
        Panel(
            title="Configuration",
            rows=_quietly(
                lambda: rows((name, getattr(settings, name, None)) for name in names), ()
            ),
            note="django.conf.settings, secrets masked",
        ),
    ]
    if _quietly(lambda: request._read_started and request.POST, None):
        panels.insert(0, Panel(title="Form", rows=_quietly(lambda: rows(request.POST.items()), ())))
    return FrameworkFacts(
        name="Django",
        route=str(getattr(match, "route", "") or ""),
        view=view_name(function),
        view_place=view_place(function),
        panels=tuple(panel for panel in panels if panel.rows),
    )


def view_name(function: Any) -> str:
    """The dotted name of a view, through its decorators."""
    function = _unwrapped(function)
    if function is None:
        return ""
    view_class = getattr(function, "view_class", None)  # Flask's View.as_view()
    named = view_class or function
    name = getattr(named, "__qualname__", type(named).__name__)
    return f"{getattr(named, '__module__', '?')}.{name}"


def view_place(function: Any) -> str:
    """File and line of a view, as `file:line`."""
    code = getattr(_unwrapped(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""


def _unwrapped(function: Any) -> Any:
    for _ in range(20):
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            break
        function = inner
    return function


def _text(value: object) -> str:
    """A native string of WSGI as the client sent it (PEP 3333: latin-1 stands for bytes)."""
    return str(value).encode("latin-1", "replace").decode("utf-8", "replace")
