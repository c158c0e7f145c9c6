"""WSGI, ASGI or no application at all? Decided from the object, with the evidence; calls nothing.

Sources: PEP 3333, "Specification Overview" (a callable of two positional arguments); the ASGI
specification, "Applications" (a coroutine callable of scope, receive, send; in version 2 a callable
of scope alone).
"""

from __future__ import annotations

from types import FunctionType, MethodType

from trivet.project.frameworks import framework_of, framework_of_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from typing import Literal

    Kind = Literal["wsgi", "asgi", "neither"]

# Flags of a code object, in the data model's "Code objects". The module inspect has names for
# them, and takes longer to import than a worker takes for everything in this file.
_TAKES_MORE_POSITIONAL = 0x04
_COROUTINE = 0x80

_DECORATORS_AT_MOST = 20  # decorators around decorators; more than that is a loop


class Verdict:
    """What an object is to a server, and what says so, in words that follow "it is"."""

    __slots__ = ("evidence", "kind")

    def __init__(self, kind: Kind, evidence: str) -> None:
        self.kind = kind
        self.evidence = evidence


class Parameters:
    """How a callable wants to be called. The one for the object or class itself is left out."""

    __slots__ = ("is_async", "names", "required", "required_by_name", "takes_more")

    def __init__(
        self,
        names: tuple[str, ...],
        required: int,
        takes_more: bool,
        is_async: bool,
        required_by_name: int,
    ) -> None:
        self.names = names
        self.required = required
        self.takes_more = takes_more
        self.is_async = is_async
        self.required_by_name = required_by_name


def judge(app: object) -> Verdict:
    """Return whether an object is a WSGI or an ASGI application, or neither."""
    framework = framework_of(app)
    if framework:
        return Verdict(framework.interface, f"{a(framework.name)} application")
    if not callable(app) or (isinstance(app, type) and framework_of_class(app)):
        return Verdict("neither", in_words(app))
    if starts_a_server(app):
        return Verdict("neither", "a method that starts a server of its own")
    parameters = parameters_of(app)
    if parameters is None:
        return Verdict("wsgi", f"{in_words(app)}, and callable")
    if parameters.is_async:
        return Verdict("asgi", f"{in_words(app)} with an async call")
    if parameters.required == 3 or parameters.names[:1] == ("scope",):
        return Verdict("asgi", f"{in_words(app)} that takes {_listed(parameters.names)}")
    if takes_two(parameters):
        return Verdict("wsgi", in_words(app))
    if not parameters.names:
        return Verdict("neither", f"{in_words(app)} that takes no arguments")
    return Verdict("neither", f"{in_words(app)} that takes {_listed(parameters.names)}")


def starts_a_server(app: object) -> bool:
    """Return whether this is `run` of a framework's application: `app.run`, not called."""
    return (
        isinstance(app, MethodType)
        and app.__name__ == "run"
        and framework_of(app.__self__) is not None
    )


def takes_two(parameters: Parameters) -> bool:
    """Return whether a callable can be called with environ and start_response."""
    enough = len(parameters.names) >= 2 or parameters.takes_more
    return enough and parameters.required <= 2 and not parameters.required_by_name


def parameters_of(app: object) -> Parameters | None:
    """Return how an object wants to be called, or None when only calling it would tell.

    Looks below decorators made with functools.wraps, since what they pass on is what counts.
    """
    bound = 0
    for _ in range(_DECORATORS_AT_MOST):
        if hasattr(app, "__wrapped__"):
            app = app.__wrapped__
        elif isinstance(app, MethodType):
            app, bound = app.__func__, bound + 1
        elif isinstance(app, type):
            if _class_with(app, "__new__") is not object:
                return None
            definer = _class_with(app, "__init__")
            if definer is object:
                return Parameters((), 0, False, False, 0)
            app, bound = vars(definer)["__init__"], bound + 1
        elif isinstance(app, FunctionType):
            return _parameters_of_function(app, bound)
        else:
            # Python looks for __call__ in the class alone, never in the instance.
            called = getattr(type(app), "__call__", None)  # noqa: B004 - its value is wanted
            if not isinstance(called, FunctionType):
                return None
            app, bound = called, bound + 1
    return None


def _class_with(app: type, name: str) -> type:
    """Return the class that a method of every object is inherited from."""
    return next(base for base in app.__mro__ if name in vars(base))


def _parameters_of_function(function: FunctionType, bound: int) -> Parameters:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    by_name = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    return Parameters(
        names=names[bound:],
        required=max(0, code.co_argcount - len(function.__defaults__ or ()) - bound),
        takes_more=bool(code.co_flags & _TAKES_MORE_POSITIONAL),
        is_async=bool(code.co_flags & _COROUTINE),
        required_by_name=len(set(by_name) - set(function.__kwdefaults__ or {})),
    )


def in_words(value: object) -> str:
    """Return what a value is, as a person says it: `a module`, `a tuple of Flask and SocketIO`."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    if isinstance(value, tuple) and value:
        return f"a tuple of {' and '.join(type(part).__name__ for part in value)}"
    return {"function": "a function", "builtin_function_or_method": "a function"}.get(name, a(name))


def a(noun: str) -> str:
    """Return the noun behind its indefinite article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
