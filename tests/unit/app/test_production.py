"""Production refuses a debug app, however it is wrapped."""

import functools
import subprocess
import sys
import types
from typing import Any

import flask
import pytest
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from trivet.app.production import parts_of, refuse_debug, refuse_debug_environment
from trivet.errors import DebugInProduction


def flask_app(*, debug: bool = False) -> flask.Flask:
    app = flask.Flask("shop")
    app.debug = debug
    return app


def wrapped_in_itself() -> flask.Flask:
    app = flask_app()
    app.wsgi_app = DebuggedApplication(app.wsgi_app)  # type: ignore[method-assign]  # Flask's docs say so
    return app


def as_closure(app: Any) -> Any:
    def middleware(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response)

    return middleware


@pytest.fixture(autouse=True)
def werkzeugs_debugger_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switches off the search of the whole process, which this file fills with debuggers."""
    monkeypatch.delitem(sys.modules, "werkzeug.debug")


class Middleware:
    def __init__(self, app: Any) -> None:
        self.application = app

    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class OfAnotherName:
    def __init__(self, app: Any) -> None:
        self.inner = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.inner(environ, start_response)


class WithSlots:
    __slots__ = ("inside",)

    def __init__(self, app: Any) -> None:
        self.inside = app

    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class Paths:
    def __init__(self, **apps: Any) -> None:
        self.apps = list(apps.items()), list(apps.values())
        self.by_path = apps

    def __call__(self, environ: Any, start_response: Any) -> Any: ...


def using_a_global(app: Any, source: str = "def served(e, s): return it(e, s)") -> Any:
    module = {"it": app}
    exec(source, module)
    return module["served"]


@pytest.mark.parametrize(
    "app",
    [
        OfAnotherName(DebuggedApplication(flask_app(), evalex=True)),
        WithSlots(DebuggedApplication(flask_app())),
        Paths(admin=DebuggedApplication(flask_app())),
        using_a_global(DebuggedApplication(flask_app())),
        using_a_global(DebuggedApplication(flask_app()), "served = lambda e, s: it(e, s)"),
        using_a_global(
            DebuggedApplication(flask_app()),
            "class S:\n    def __call__(self, e, s): return it(e, s)\nserved = S()",
        ),
        functools.partial(as_closure, app=DebuggedApplication(flask_app())),
        DebuggedApplication(flask_app()),
        ProxyFix(DebuggedApplication(flask_app())),
        wrapped_in_itself(),
        ProxyFix(wrapped_in_itself()),
        DispatcherMiddleware(flask_app(), {"/admin": DebuggedApplication(flask_app())}),
        Middleware(as_closure(DebuggedApplication(flask_app()))),
        as_closure(as_closure(DebuggedApplication(flask_app()))),
        functools.partial(DebuggedApplication(flask_app())),
        DebuggedApplication(flask_app()).__call__,
    ],
)
def test_werkzeugs_debugger_is_found_wherever_it_is(app: object) -> None:
    with pytest.raises(DebugInProduction, match="DebuggedApplication"):
        refuse_debug(app, {})


@pytest.mark.parametrize(
    "app",
    [
        flask_app(debug=True),
        ProxyFix(flask_app(debug=True).wsgi_app),
        as_closure(flask_app(debug=True)),
        OfAnotherName(flask_app(debug=True)),
        using_a_global(flask_app(debug=True), "served = lambda e, s: it(e, s)"),
        DispatcherMiddleware(flask_app(), {"/admin": flask_app(debug=True)}),
    ],
)
def test_a_flask_in_debug_mode_is_found_wherever_it_is(app: object) -> None:
    with pytest.raises(DebugInProduction, match=r"app\.debug is on"):
        refuse_debug(app, {})


def test_any_true_value_is_debug_for_flask() -> None:
    app = flask_app()
    app.config["DEBUG"] = "false"
    with pytest.raises(DebugInProduction):
        refuse_debug(app, {})


@pytest.mark.parametrize(
    "app",
    [
        flask_app(),
        ProxyFix(flask_app()),
        DispatcherMiddleware(flask_app(), {"/admin": flask_app()}),
        as_closure(flask_app()),
        Middleware(flask_app()),
        OfAnotherName(flask_app()),
        using_a_global(flask_app()),
    ],
)
def test_an_app_that_is_not_in_debug_mode_passes(app: object) -> None:
    refuse_debug(app, {})


@pytest.mark.parametrize("value", ["1", "true", "True", "yes", "on", "anything"])
def test_flask_debug_in_the_environment_is_refused(value: str) -> None:
    with pytest.raises(DebugInProduction, match="FLASK_DEBUG is"):
        refuse_debug_environment({"FLASK_DEBUG": value})
    with pytest.raises(DebugInProduction):
        refuse_debug(flask_app(), {"FLASK_DEBUG": value})


@pytest.mark.parametrize("value", ["", "0", "false", "False", "NO"])
def test_what_flask_takes_for_off_passes(value: str) -> None:
    refuse_debug_environment({"FLASK_DEBUG": value})


def test_flask_agrees_on_every_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from flask.helpers import get_debug_flag

    for value in ["", "0", "1", "false", "FALSE", "no", "No", "off", "n", "true", " 0"]:
        monkeypatch.setenv("FLASK_DEBUG", value)
        refused = False
        try:
            refuse_debug_environment({"FLASK_DEBUG": value})
        except DebugInProduction:
            refused = True
        assert refused == get_debug_flag(), value


def test_the_refusal_says_what_to_change() -> None:
    with pytest.raises(DebugInProduction) as caught:
        refuse_debug(flask_app(debug=True), {})
    assert caught.value.hint is not None
    assert "remove `app.debug = True`" in caught.value.hint
    assert "allow" not in caught.value.hint


def framework_object(module: str, name: str) -> Any:
    """An application of a framework that need not be installed, callable as its own is."""
    called = {"__module__": module, "__call__": lambda self, environ, start_response: None}
    return type(name, (), called)()


def test_djangos_debug_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = types.ModuleType("django.conf")
    vars(conf)["settings"] = types.SimpleNamespace(DEBUG=True)
    monkeypatch.setitem(sys.modules, "django.conf", conf)
    app = framework_object("django.core.handlers.wsgi", "WSGIHandler")
    with pytest.raises(DebugInProduction, match=r"settings\.DEBUG is True"):
        refuse_debug(ProxyFix(app), {})
    conf.settings.DEBUG = False
    refuse_debug(ProxyFix(app), {})


def test_djangos_setting_means_nothing_for_another_app(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = types.ModuleType("django.conf")
    vars(conf)["settings"] = types.SimpleNamespace(DEBUG=True)
    monkeypatch.setitem(sys.modules, "django.conf", conf)
    refuse_debug(flask_app(), {})


def test_bottles_debug_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bottle = types.ModuleType("bottle")
    vars(bottle)["DEBUG"] = True
    monkeypatch.setitem(sys.modules, "bottle", bottle)
    with pytest.raises(DebugInProduction, match="Bottle is in debug mode"):
        refuse_debug(framework_object("bottle", "Bottle"), {})


def test_debug_of_an_unknown_app_counts_when_it_is_true_itself() -> None:
    app = framework_object("mine", "App")
    refuse_debug(app, {})
    app.debug = lambda message: None  # a logging method, as on many objects
    refuse_debug(app, {})
    app.debug = True
    with pytest.raises(DebugInProduction, match="attribute debug is True"):
        refuse_debug(app, {})


def test_an_app_whose_properties_raise_is_no_obstacle() -> None:
    class Touchy:
        def __call__(self, environ: Any, start_response: Any) -> Any: ...

        @property
        def app(self) -> Any:
            raise RuntimeError("outside of a request")

    refuse_debug(Touchy(), {})


def test_middleware_that_wraps_itself_ends() -> None:
    loop = Middleware(None)
    loop.application = loop
    assert list(parts_of(loop)) == [loop, Middleware.__call__]


def test_a_closure_that_is_not_filled_yet_is_no_obstacle() -> None:
    def outer() -> Any:
        def inner(environ: Any, start_response: Any) -> Any:
            return later(environ, start_response)

        if len(sys.argv) < 0:
            later = inner
        return inner

    refuse_debug(outer(), {})


def test_an_endless_chain_of_wrappers_ends() -> None:
    class Endless:
        def __call__(self, environ: Any, start_response: Any) -> Any: ...

        @property
        def app(self) -> "Endless":
            return Endless()

    assert len(list(parts_of(Endless()))) <= 200


HIDDEN_IN_A_CONTAINER = """
import flask
from werkzeug.debug import DebuggedApplication

class Mine(DebuggedApplication): ...

hidden = [[Mine(flask.Flask("shop"), evalex=True)]]

def app(environ, start_response):
    return globals()["hid" + "den"][0][0](environ, start_response)
"""

ONLY_IMPORTED = """
import flask
import werkzeug.debug
from werkzeug.debug import DebuggedApplication
from werkzeug.serving import run_simple

DebuggedApplication(flask.Flask("forgotten"))
app = flask.Flask("shop")

@app.route("/")
def index(): return flask.render_template_string("{{ 1 }}")

app.test_client().get("/")
"""

WITH_SOCKETIO = """
import flask, socketio

server = socketio.Server(async_mode="threading")
app = flask.Flask("shop")
app.wsgi_app = socketio.WSGIApp(server, app.wsgi_app)
"""


def refusal_of(source: str) -> str:
    """Run an app's source in a process of its own and return why it is refused, or nothing."""
    asking = (
        "from trivet.app.production import refuse_debug\n"
        "from trivet.errors import DebugInProduction\n"
        "try: refuse_debug(app, {})\n"
        "except DebugInProduction as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", source + asking], capture_output=True, text=True, timeout=30
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_debugger_that_cannot_be_reached_by_looking_is_found_in_the_process() -> None:
    assert "has made a DebuggedApplication" in refusal_of(HIDDEN_IN_A_CONTAINER)


@pytest.mark.parametrize("source", [ONLY_IMPORTED, WITH_SOCKETIO])
def test_importing_the_debugger_is_no_reason_to_refuse(source: str) -> None:
    assert refusal_of(source) == ""


def test_an_object_in_the_app_that_is_no_app_may_have_debug_on() -> None:
    class Settings:
        debug = True

        def __call__(self, name: str) -> Any: ...

    refuse_debug(OfAnotherName(Settings()), {})
