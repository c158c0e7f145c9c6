"""How an exception in a view is heard of in each framework, also where the framework answers it.

A table. Nothing is imported: an app's object exists, so its framework's modules are in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from trivet.dev.current_request import current
from trivet.dev.facts import django_facts, flask_facts
from trivet.project.frameworks import framework_of


def hear_of_errors(app: object) -> None:
    """Arrange that exceptions in the app's views are noted. Twice for one app does no harm."""
    framework = framework_of(app)
    listen = LISTENERS.get(framework.name) if framework is not None else None
    if listen is not None:
        listen(app)


def _flask(app: Any) -> None:
    """Flask sends a signal, then raises in debug mode, and answers otherwise."""
    sys.modules["flask"].got_request_exception.connect(_flask_error)


def _flask_error(sender: Any, exception: BaseException, **_: Any) -> None:
    noted = current()
    if noted is None:
        return
    propagate = sender.config.get("PROPAGATE_EXCEPTIONS")
    raises = sender.testing or sender.debug if propagate is None else propagate
    # Where it raises, the app, or a debugger that it is wrapped in, decides what becomes of it.
    noted.note_error(exception, swallowed=not raises)
    noted.facts = flask_facts(sender)


def _django(app: Any) -> None:
    """Django sends a signal and answers, with a page of its own when DEBUG is on."""
    signals = sys.modules.get("django.core.signals")
    if signals is not None:
        signals.got_request_exception.connect(_django_error, dispatch_uid="trivet.dev")


def _django_error(sender: Any, request: Any = None, **_: Any) -> None:
    noted, error = current(), sys.exc_info()[1]
    if noted is None or error is None:
        return
    noted.note_error(error, swallowed=True)
    noted.facts = django_facts(request)


def _bottle(app: Any) -> None:
    """Bottle raises when it is told not to catch all."""
    app.catchall = False


def _falcon(app: Any) -> None:
    """Falcon answers 500 by a handler for Exception, of its own unless the app has set one."""
    handlers = getattr(app, "_error_handlers", None)
    handler = handlers.get(Exception) if isinstance(handlers, dict) else None
    if handlers is None or handler is None or handler.__name__ != "_python_error_handler":
        return

    def note(request: Any, response: Any, error: BaseException, params: Any) -> None:
        noted = current()
        if noted is not None:
            noted.note_error(error, swallowed=True)
        handler(request, response, error, params)

    handlers[Exception] = note


#: Framework (project/frameworks.py) → how to hear of its errors. Those that are not here (Pyramid,
#: and apps without a framework) raise through the app, which needs nothing.
LISTENERS: dict[str, Callable[[Any], None]] = {
    "Flask": _flask,
    "Dash": _flask,
    "Django": _django,
    "Bottle": _bottle,
    "Falcon": _falcon,
}
