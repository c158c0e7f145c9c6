"""An exception in a view reaches the page in every framework; debuggers of others work beside it.

Frameworks that keep state in the process (Django, Bottle's debug mode) run in processes of their
own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dev.pages import ask, debugger, environ
from trivet.dev.session import DevSession

HTML: dict[str, Any] = {"HTTP_ACCEPT": "text/html"}
REPOSITORY = Path(__file__).parents[3]

#: Framework → a module that makes `app`, in which /boom raises LookupError("a view's own").
APPS = {
    "flask": """
from flask import Flask, session
app = Flask(__name__)
app.secret_key = "x"
app.debug = True
@app.get("/boom/<int:number>")
def boom(number):
    session["seen"] = number
    raise LookupError("a view's own")
@app.get("/fine")
def fine():
    return "fine"
""",
    "flask without debug": """
from flask import Flask, session
app = Flask(__name__)
app.secret_key = "x"
@app.get("/boom/<int:number>")
def boom(number):
    raise LookupError("a view's own")
@app.get("/fine")
def fine():
    return "fine"
""",
    "django": """
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
settings.configure(DEBUG={debug}, ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"])
django.setup()
def boom(request, number):
    raise LookupError("a view's own")
urlpatterns = [path("boom/<int:number>", boom), path("fine", lambda request: HttpResponse("fine"))]
from django.core.wsgi import get_wsgi_application
app = get_wsgi_application()
""",
    "bottle": """
from bottle import Bottle
app = Bottle()
@app.get("/boom/<number>")
def boom(number):
    raise LookupError("a view's own")
@app.get("/fine")
def fine():
    return "fine"
""",
    "falcon": """
import falcon
class Boom:
    def on_get(self, request, response, number):
        raise LookupError("a view's own")
class Fine:
    def on_get(self, request, response):
        response.text = "fine"
app = falcon.App()
app.add_route("/boom/{number}", Boom())
app.add_route("/fine", Fine())
""",
    "pyramid": """
from pyramid.config import Configurator
from pyramid.response import Response
def boom(request):
    raise LookupError("a view's own")
def fine(request):
    return Response("fine")
configuration = Configurator()
configuration.add_route("boom", "/boom/{number}")
configuration.add_route("fine", "/fine")
configuration.add_view(boom, route_name="boom")
configuration.add_view(fine, route_name="fine")
app = configuration.make_wsgi_app()
""",
    "none": """
def app(environ, start_response):
    if environ["PATH_INFO"].startswith("/boom"):
        raise LookupError("a view's own")
    found = environ["PATH_INFO"] == "/fine"
    start_response("200 OK" if found else "404 Not Found", [])
    return [b"fine"]
""",
}
CASES = [
    *[(name, source) for name, source in APPS.items() if name != "django"],
    ("django in debug mode", APPS["django"].replace("{debug}", "True")),
    ("django without debug", APPS["django"].replace("{debug}", "False")),
]

ASK = """
import json, sys
from pathlib import Path
from tests.unit.dev.pages import ask, debugger, dev_session, environ
sys.path.insert(0, str(Path.cwd()))
from made import app
served, reports = debugger(app, dev_session(Path.cwd()))
boom = ask(served, environ("/boom/7", HTTP_ACCEPT="text/plain"))
fine, missing = ask(served, environ("/fine")), ask(served, environ("/missing"))
request = reports[0].request
print(json.dumps({
    "boom": [boom.status, boom.text], "fine": [fine.status, fine.text], "missing": missing.status,
    "reports": len(reports), "place": reports[0].place.function, "framework": request.framework,
    "route": request.route, "view": request.view,
}))
"""


@pytest.mark.parametrize(("name", "source"), CASES, ids=[name for name, _ in CASES])
def test_an_exception_in_a_view_reaches_the_page(name: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(source)
    paths = [str(REPOSITORY / "python"), str(REPOSITORY)]
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{ASK}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    assert told["boom"][0] == 500
    assert "LookupError: a view's own" in told["boom"][1]
    assert told["fine"] == [200, "fine"]
    assert told["missing"] == 404
    assert told["reports"] == 1
    assert told["place"].split(".")[-1] in ("boom", "on_get", "app")
    if "flask" in name or "django" in name:
        assert "boom/<int:number>" in told["route"]
        assert told["view"] == "made.boom"


def flask_app() -> Any:
    from flask import Flask

    app = Flask("shop")
    app.secret_key = " ".join(["never", "shown"])  # not to be seen in its source either
    app.debug = True

    @app.get("/boom")
    def boom() -> str:
        raise LookupError("a view's own")

    @app.get("/page")
    def page() -> str:
        return "<html><body>a page</body></html>"

    return app


def test_an_errorhandler_of_the_app_has_the_first_word(session: DevSession) -> None:
    app = flask_app()
    app.register_error_handler(LookupError, lambda error: ("handled", 418))
    made, reports = debugger(app, session)
    answer = ask(made, environ("/boom"))
    assert (answer.status, answer.text, reports) == (418, "handled", [])


def test_an_answer_of_500_without_an_exception_is_left_alone(session: DevSession) -> None:
    app = flask_app()
    app.add_url_rule("/own", view_func=lambda: ("my own", 500))
    assert ask(debugger(app, session)[0], environ("/own")).text == "my own"


def test_configuration_and_session_of_flask_are_shown_without_secrets(session: DevSession) -> None:
    app = flask_app()
    app.config["DATABASE_URL"] = "postgres://shop:" + f"hunter{2}@db/shop"
    made, reports = debugger(app, session)
    answer = ask(made, environ("/boom", **HTML))
    request = reports[0].request
    assert request is not None
    configuration = dict(
        next(panel for panel in request.panels if panel.title == "Configuration").rows
    )
    assert configuration["SECRET_KEY"] == "••••••"
    assert configuration["DATABASE_URL"] == "'postgres://shop:••••••@db/shop'"
    assert configuration["SESSION_COOKIE_NAME"] == "'session'"
    for secret in ("never shown", "hunter2"):
        assert secret not in answer.text


def test_werkzeugs_debugger_inside_keeps_its_own_page(session: DevSession) -> None:
    from werkzeug.debug import DebuggedApplication

    app = flask_app()
    made, reports = debugger(DebuggedApplication(app, evalex=True), session)
    answer = ask(made, environ("/boom", **HTML))
    assert answer.status == 500
    assert "Werkzeug Debugger" in answer.text
    assert reports == []
    resource = ask(made, environ("/?__debugger__=yes&cmd=resource&f=debugger.js"))
    assert (resource.status, "javascript" in resource.headers["content-type"]) == (200, True)


def test_werkzeugs_debugger_as_wsgi_app_keeps_its_own_page(session: DevSession) -> None:
    from werkzeug.debug import DebuggedApplication

    app = flask_app()
    app.wsgi_app = DebuggedApplication(app.wsgi_app, evalex=True)
    made, reports = debugger(app, session)
    assert "Werkzeug Debugger" in ask(made, environ("/boom", **HTML)).text
    assert reports == []


def test_flask_debugtoolbar_works_beside_it(session: DevSession) -> None:
    from flask_debugtoolbar import DebugToolbarExtension

    app = flask_app()
    app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = False
    DebugToolbarExtension(app)
    made, reports = debugger(app, session)
    page = ask(made, environ("/page", **HTML))
    assert page.status == 200
    assert "flDebug" in page.text
    boom = ask(made, environ("/boom", **HTML))
    assert boom.status == 500
    assert "a view&#x27;s own" in boom.text
    assert len(reports) == 1


def test_the_context_of_the_view_is_there_in_the_console(session: DevSession) -> None:
    made, reports = debugger(flask_app(), session)
    ask(made, environ("/boom?who=Ada"))
    frame = reports[0].error.frames[-1].console
    answer = made.desk.consoles.ask(frame, "from flask import request; request.args['who']")
    assert answer is not None
    assert answer.output == "'Ada'\n"
