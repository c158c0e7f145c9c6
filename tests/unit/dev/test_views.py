"""trivet.dev.views: the names of views, with a real Flask."""

from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.views import MethodView
from werkzeug.test import EnvironBuilder

from trivet.dev.views import NOTED, is_static_view, noting_views, view_of


class Cart(MethodView):
    def get(self) -> str:
        return "cart"


def shop() -> Flask:
    app = Flask(__name__)
    blueprint = Blueprint("orders", __name__, url_prefix="/orders", static_folder="static")

    @app.get("/")
    def index() -> str:
        return "index"

    @blueprint.get("/latest")
    def latest() -> str:
        return "latest"

    @app.errorhandler(404)
    def missing(error: Exception) -> tuple[Response, int]:
        return Response("missing"), 404

    app.add_url_rule("/cart", view_func=Cart.as_view("cart"))
    app.register_blueprint(blueprint)
    return app


def asked(path: str, app: Flask, told: object = None) -> tuple[str, bool]:
    """What is known of the view at the moment when Flask starts its answer."""
    environ = EnvironBuilder(path).get_environ()
    known: list[tuple[str, bool]] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        known.append((view_of(environ, app if told is None else told), is_static_view(environ)))

    for _ in noting_views(app)(environ, start_response):
        pass
    if told is None:
        assert environ[NOTED] == known[0]
    return known[0]


@pytest.mark.parametrize(
    ("path", "view"),
    [
        ("/", f"{__name__}.shop.<locals>.index"),
        ("/orders/latest", f"{__name__}.shop.<locals>.latest"),
        ("/cart", f"{__name__}.Cart"),
        ("/missing", ""),
    ],
)
def test_a_view_has_the_name_under_which_one_finds_it(path: str, view: str) -> None:
    assert asked(path, shop())[0] == view


def test_without_the_application_the_endpoint_must_do() -> None:
    assert asked("/orders/latest", shop(), object())[0] == "orders.latest"


def test_another_framework_has_no_names() -> None:
    assert view_of({}, object()) == ""


@pytest.mark.parametrize("path", ["/static/site.css", "/orders/static/site.css"])
def test_static_files_are_known_as_such(path: str) -> None:
    assert asked(path, shop())[1]
    assert not asked("/", shop())[1]
