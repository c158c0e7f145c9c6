"""WSGI, ASGI or neither, with the evidence."""

import functools
import types
from typing import Any

import flask
import pytest

from trivet.app.interface import a, in_words, judge, parameters_of


def wsgi(environ: Any, start_response: Any) -> Any: ...


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


def asgi_called_from_a_plain_function(scope: Any, receive: Any, send: Any) -> Any: ...


def asgi_2(scope: Any) -> Any: ...


def takes_anything(*arguments: Any) -> Any: ...


def optional_third(environ: Any, start_response: Any, extra: Any = None) -> Any: ...


def by_name_too(environ: Any, start_response: Any, *, name: Any) -> Any: ...


def one(request: Any) -> Any: ...


def none() -> Any: ...


def four(one: Any, two: Any, three: Any, four: Any) -> Any: ...


class Middleware:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class AsyncApp:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class PerRequest:
    """PEP 3333's AppClass: made for each request, and then iterated over."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any: ...

    return wrapper


@pytest.mark.parametrize(
    "app",
    [
        wsgi,
        takes_anything,
        optional_third,
        Middleware(),
        Middleware().__call__,
        PerRequest,
        decorated(wsgi),
        functools.partial(wsgi),
        flask.Flask("shop"),
        flask.Flask("shop").wsgi_app,
    ],
)
def test_a_callable_of_two_arguments_is_wsgi(app: object) -> None:
    assert judge(app).kind == "wsgi"


@pytest.mark.parametrize(
    "app", [asgi, asgi_called_from_a_plain_function, asgi_2, AsyncApp(), decorated(asgi)]
)
def test_a_callable_of_scope_is_asgi(app: object) -> None:
    assert judge(app).kind == "asgi"


@pytest.mark.parametrize("app", [None, "app", types, ("a", "b"), one, none, four, by_name_too])
def test_anything_else_is_neither(app: object) -> None:
    assert judge(app).kind == "neither"


@pytest.mark.parametrize(
    ("app", "evidence"),
    [
        (flask.Flask("shop"), "a Flask application"),
        (asgi, "a function with an async call"),
        (asgi_2, "a function that takes scope"),
        (one, "a function that takes request"),
        (none, "a function that takes no arguments"),
        (None, "None"),
        (types, "a module"),
    ],
)
def test_the_evidence_says_what_it_is(app: object, evidence: str) -> None:
    assert judge(app).evidence == evidence


def test_the_parameter_for_the_object_itself_is_left_out() -> None:
    parameters = parameters_of(Middleware())
    assert parameters is not None
    assert parameters.names == ("environ", "start_response")


def test_what_is_written_in_c_cannot_be_asked() -> None:
    assert parameters_of(print) is None
    assert judge(print).kind == "wsgi"


def test_decorators_around_themselves_end() -> None:
    def loop() -> None: ...

    vars(loop)["__wrapped__"] = loop
    assert parameters_of(loop) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Middleware, "the class Middleware"),
        (1, "an int"),
        ((1, "x"), "a tuple of int and str"),
        ((), "a tuple"),
        (print, "a function"),
    ],
)
def test_a_value_is_named_as_a_person_says_it(value: object, words: str) -> None:
    assert in_words(value) == words


def test_a_noun_has_its_article() -> None:
    assert (a("Flask"), a("int")) == ("a Flask", "an int")
