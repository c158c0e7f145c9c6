"""Calls the function that makes the application; wrong arguments are told from its own failures."""

from __future__ import annotations

from collections.abc import Mapping

from trivet.app.interface import in_words
from trivet.errors import AppNotCallable, FactoryFailed
from trivet.startup import first_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from trivet.app.attribute import Found
    from trivet.startup import Startup


def call_factory(found: Found, name: str, startup: Startup, environ: Mapping[str, str]) -> object:
    """Return what the factory returned; `found.call` must be set.

    Raises AppNotCallable when it cannot be called at all, FactoryFailed when the arguments are
    wrong or when it raised.
    """
    assert found.call is not None
    positional, keywords = found.call
    if not callable(found.value):
        raise AppNotCallable(f"{name} cannot be called: it is {in_words(found.value)}")
    try:
        with startup.step(f"call {found.text}"):
            app: object = found.value(*positional, **keywords)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a factory is one more way to fail
        if isinstance(error, TypeError) and _was_not_entered(error):
            raise FactoryFailed(
                f"{name} was called with the wrong arguments: {error}",
                hint=f"give them in APP, such as \"{name.partition('(')[0]}('production')\"",
            ) from None
        raise _factory_error(name, error, environ) from None
    return app


def _factory_error(name: str, error: BaseException, environ: Mapping[str, str]) -> FactoryFailed:
    from trivet.app.hints import hint_for  # needed only when something is wrong
    from trivet.app.user_frames import describe

    what = first_line(error)
    if isinstance(error, SystemExit):
        what = f"it called sys.exit({error.code!r})"
    return FactoryFailed(
        f"{name} failed: {what}", details=describe(error), hint=hint_for(error, environ)
    )


def _was_not_entered(error: TypeError) -> bool:
    """Return whether the call failed before the factory's own first line.

    The traceback of a call with wrong arguments ends at the caller; one that was raised inside
    goes through the factory, or through some decorator around it.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is call_factory.__code__
