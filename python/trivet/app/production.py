"""Refuses to serve a debug app: with a debugger in front, any visitor can run code on the server.

Nothing switches this off. Looked at are the environment, before the app is imported, then the app
itself with everything that can be reached from it, and at last, where Werkzeug's debugger is
imported, every object of the process. No framework is imported for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from gc import collect, get_referrers
from types import CodeType, FunctionType, MethodType

from trivet.app.interface import judge
from trivet.errors import DebugInProduction
from trivet.project.flask_variable import FALSE_WORDS
from trivet.project.frameworks import framework_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Callable

INNER_NAMES = ("app", "wsgi_app", "application", "wsgi", "wrapped", "server", "_app")
"""Where a middleware, or Flask itself, keeps the application that it calls, also as a property.

werkzeug.middleware.*, DebuggedApplication: app; Flask, socketio.WSGIApp: wsgi_app; WhiteNoise,
paste: application; Dash: server.
"""

_WRAPPERS_AT_MOST = 200  # an app is wrapped a few times; a graph of callables may be endless


class DebugSign:
    """One way to see that an application is in debug mode, why it matters, and what to change."""

    __slots__ = ("hint", "shows", "what")

    def __init__(self, shows: Callable[[object], bool], what: str, hint: str) -> None:
        self.shows = shows
        self.what = what
        self.hint = hint


def refuse_debug(app: object, environ: Mapping[str, str]) -> None:
    """Raise DebugInProduction when the app, or what it is wrapped in, is in debug mode."""
    refuse_debug_environment(environ)
    for part in parts_of(app):
        for sign in DEBUG_SIGNS:
            if sign.shows(part):
                raise DebugInProduction(sign.what, hint=sign.hint)
    if debugger_exists():
        raise DebugInProduction(
            "the app's code has made a DebuggedApplication of Werkzeug, whose console runs Python"
            " code for whoever reaches it",
            hint=WITHOUT_DEBUGGER,
        )


def refuse_debug_environment(environ: Mapping[str, str]) -> None:
    """Raise DebugInProduction when FLASK_DEBUG is on. Needs no app, so it can come first.

    It counts for every app: what an object hides inside cannot always be seen.
    """
    value = environ.get("FLASK_DEBUG", "")
    if value.lower() not in FALSE_WORDS:
        raise DebugInProduction(
            f"FLASK_DEBUG is {value!r}: in debug mode Flask shows its inside to every visitor",
            hint="remove FLASK_DEBUG from the environment; `flask --debug` sets it, and so do"
            " .flaskenv and .env under `flask serve`",
        )


def parts_of(app: object) -> Iterator[object]:
    """Yield the application and every callable that can be reached in it, each once."""
    waiting, seen = [app], set[int]()
    while waiting and len(seen) < _WRAPPERS_AT_MOST:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [inner for inner in _inside(part) if _may_be_an_app(inner)]


def _inside(part: object) -> Iterator[object]:
    if isinstance(part, MethodType):
        yield part.__self__
        yield part.__func__
    elif isinstance(part, FunctionType):
        for cell in part.__closure__ or ():
            with suppress(ValueError):  # a cell that nothing was put in yet
                yield cell.cell_contents
        for name in _names_in(part.__code__):
            yield part.__globals__.get(name)
        yield from vars(part).values()  # __wrapped__ of functools.wraps, among others
    elif isinstance(part, partial):
        yield part.func
        yield from part.args
        yield from part.keywords.values()
    else:
        for name in (*INNER_NAMES, *_slots_of(part)):
            yield _attribute(part, name)
        # Python looks for __call__ in the class alone, never in the instance.
        yield getattr(type(part), "__call__", None)  # noqa: B004 - its value is wanted
        yield from _kept_in(part)


def _kept_in(part: object) -> Iterator[object]:
    """Yield what an object has in its attributes, and in the lists and mappings among them.

    Not in those of a framework's application: they hold its views, which are no wrapped apps.
    """
    attributes = _attribute(part, "__dict__")
    if not isinstance(attributes, dict):
        return
    for value in tuple(attributes.values()):
        yield value
        if framework_of(part) is not None:
            continue
        if isinstance(value, dict):  # `mounts` of werkzeug's DispatcherMiddleware
            yield from tuple(value.values())[:_WRAPPERS_AT_MOST]
        elif isinstance(value, list | tuple):
            yield from value[:_WRAPPERS_AT_MOST]


def _slots_of(part: object) -> Iterator[str]:
    for base in type(part).__mro__:
        slots = vars(base).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else tuple(slots)


def _names_in(code: CodeType) -> Iterator[str]:
    """Yield the names that a function, or one defined inside it, may take from its module."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _may_be_an_app(value: object) -> bool:
    return callable(value) and not isinstance(value, type)


def _attribute(part: object, name: str) -> object:
    """Return an attribute, or None when there is none or reading it fails."""
    try:
        return getattr(part, name, None)
    except Exception:  # noqa: BLE001 - a property of the user's may raise anything; it is no sign
        return None


def _is_debugger(part: object) -> bool:
    return any(
        (base.__module__, base.__name__) == ("werkzeug.debug", "DebuggedApplication")
        for base in type(part).__mro__
    )


def _is_flask_in_debug(part: object) -> bool:
    """Flask takes any true value for debug, also the text "false" from a variable."""
    framework = framework_of(part)
    return framework is not None and framework.name == "Flask" and bool(_attribute(part, "debug"))


def _is_django_in_debug(part: object) -> bool:
    framework = framework_of(part)
    if framework is None or not framework.name.startswith("Django"):
        return False
    # A Django app is one of the process: its settings are a global of a module that it imported.
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    return bool(_attribute(settings, "DEBUG"))


def _is_bottle_in_debug(part: object) -> bool:
    framework = framework_of(part)
    if framework is None or framework.name != "Bottle":
        return False
    return bool(getattr(sys.modules.get("bottle"), "DEBUG", False))


def _has_debug_on(part: object) -> bool:
    """`debug` of an app of any other kind; exactly True, since the name may mean something else."""
    return (
        framework_of(part) is None
        and _attribute(part, "debug") is True
        and judge(part).kind == "wsgi"
    )


def debugger_exists() -> bool:
    """Return whether the process has a DebuggedApplication, however well it is hidden.

    Asks the garbage collector who refers to the class; 1.4 ms with 32 000 objects (CPython 3.11),
    and nothing where the debugger is not imported.
    """
    debugger = getattr(sys.modules.get("werkzeug.debug"), "DebuggedApplication", None)
    if not isinstance(debugger, type):
        return False
    if not _has_instances(debugger):
        return False
    collect()  # one that nobody holds any more is no danger
    return _has_instances(debugger)


def _has_instances(kind: type) -> bool:
    kinds = [kind, *_subclasses_of(kind)]
    # An object refers to its class since Python 3.9 (bpo-40217).
    return any(issubclass(type(referrer), kind) for referrer in get_referrers(*kinds))


def _subclasses_of(kind: type) -> Iterator[type]:
    subclasses: list[type] = kind.__subclasses__()
    for subclass in subclasses:
        yield subclass
        yield from _subclasses_of(subclass)


WITHOUT_DEBUGGER = (
    'wrap the app only below `if __name__ == "__main__":`, or leave it to a development server'
)


DEBUG_SIGNS: tuple[DebugSign, ...] = (
    DebugSign(
        _is_debugger,
        "the app is wrapped in Werkzeug's DebuggedApplication, whose console runs Python code"
        " for whoever reaches it",
        WITHOUT_DEBUGGER,
    ),
    DebugSign(
        _is_flask_in_debug,
        "app.debug is on: in debug mode Flask shows its inside to every visitor",
        "remove `app.debug = True`, `debug=True` and DEBUG in app.config; for development there is"
        " `flask --debug run`",
    ),
    DebugSign(
        _is_django_in_debug,
        "settings.DEBUG is True: Django's error pages show settings and source code, and each"
        " query is kept in memory",
        "set DEBUG = False and name the served hosts in ALLOWED_HOSTS",
    ),
    DebugSign(
        _is_bottle_in_debug,
        "Bottle is in debug mode: its error pages show tracebacks to every visitor",
        "remove bottle.debug(True)",
    ),
    DebugSign(
        _has_debug_on,
        "the app's attribute debug is True: debug mode is for development",
        "make the app without debug=True",
    ),
)
