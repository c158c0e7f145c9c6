"""Table of frameworks and how to recognise their applications by name, without importing them.

Read by find_app (from the text of a file), app/interface (from the class of an object) and
app/production (what a debug app is).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from typing import Literal

    Interface = Literal["wsgi", "asgi"]


class Framework:
    """One framework.

    `makers` are the dotted names of what returns an application, as user code imports them.
    `classes` are (module, class) of the application object; a subclass counts too. The module is
    the one where the class is defined. `inner` is the attribute that holds the application to
    serve in the place of the object.
    """

    __slots__ = ("classes", "inner", "interface", "makers", "name")

    def __init__(
        self,
        name: str,
        interface: Interface,
        makers: tuple[str, ...],
        classes: tuple[tuple[str, str], ...],
        inner: str = "",
    ) -> None:
        self.name = name
        self.interface = interface
        self.makers = makers
        self.classes = classes
        self.inner = inner


FRAMEWORKS: tuple[Framework, ...] = (
    Framework("Flask", "wsgi", ("flask.Flask",), (("flask.app", "Flask"),)),
    Framework(
        "Django",
        "wsgi",
        ("django.core.wsgi.get_wsgi_application",),
        (("django.core.handlers.wsgi", "WSGIHandler"),),
    ),
    # Dash 2 is not callable, and in Dash 4 the server inside may be Flask or an ASGI framework.
    Framework("Dash", "wsgi", ("dash.Dash",), (("dash.dash", "Dash"),), inner="server"),
    Framework("Bottle", "wsgi", ("bottle.Bottle", "bottle.default_app"), (("bottle", "Bottle"),)),
    Framework("Falcon", "wsgi", ("falcon.App", "falcon.API"), (("falcon.app", "App"),)),
    # Its Configurator is no application; the router that make_wsgi_app() returns is.
    Framework("Pyramid", "wsgi", (), (("pyramid.router", "Router"),)),
    Framework("FastAPI", "asgi", ("fastapi.FastAPI",), (("fastapi.applications", "FastAPI"),)),
    Framework(
        "Starlette",
        "asgi",
        ("starlette.applications.Starlette",),
        (("starlette.applications", "Starlette"),),
    ),
    Framework("Quart", "asgi", ("quart.Quart",), (("quart.app", "Quart"),)),
    Framework("Litestar", "asgi", ("litestar.Litestar",), (("litestar.app", "Litestar"),)),
    Framework("Falcon (ASGI)", "asgi", ("falcon.asgi.App",), (("falcon.asgi.app", "App"),)),
    Framework(
        "Django (ASGI)",
        "asgi",
        ("django.core.asgi.get_asgi_application",),
        (("django.core.handlers.asgi", "ASGIHandler"),),
    ),
)

FRAMEWORK_BY_MAKER = {maker: framework for framework in FRAMEWORKS for maker in framework.makers}
FRAMEWORK_BY_CLASS = {
    defined: framework for framework in FRAMEWORKS for defined in framework.classes
}

MAKERS_OF_OTHER_THINGS = frozenset(
    {"typer.Typer", "celery.Celery", "click.Group", "flask.Blueprint", "flask.cli.FlaskGroup"}
)
"""Often assigned to `app`, callable, and no web application."""

APP_NAMES = ("app", "application")
"""Names of an application in a module, best first, as `flask.cli.find_best_app` has them."""

FACTORY_NAMES = ("create_app", "make_app")
"""Names of a function that makes the application, as `flask.cli.find_best_app` has them."""

APP_FILES = ("wsgi.py", "app.py", "application.py", "main.py")
"""Files tried when nobody named the application, in order.

`wsgi.py` before `app.py` because `flask run` has it so (`ScriptInfo.load_app`): where both exist,
`wsgi.py` is the one written for production, with ProxyFix and the like around the app. Elastic
Beanstalk adds `application.py`, Google's buildpacks and Railpack add `main.py`.
"""


def framework_of(app: object) -> Framework | None:
    """Return the framework whose application this object is, judged by the classes it is made of.

    Imports nothing: the object's class and its bases know the names of their modules.
    """
    return framework_of_class(type(app))


def framework_of_class(kind: type) -> Framework | None:
    """Return the framework whose applications are objects of this class."""
    for base in kind.__mro__:
        framework = FRAMEWORK_BY_CLASS.get((base.__module__, base.__name__))
        if framework:
            return framework
    return None
