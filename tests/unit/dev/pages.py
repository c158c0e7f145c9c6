"""Sessions and requests for the tests of the error page, without a server."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from trivet.dev.broadcast import Broadcast
from trivet.dev.debugger import Debugger
from trivet.dev.report import Report
from trivet.dev.session import DevSession

TOKEN = "a-token-that-nobody-guesses-0123456789"


def dev_session(state: Path, **changes: Any) -> DevSession:
    values: dict[str, Any] = {
        "token": TOKEN,
        "state_directory": state / "state",
        "project_roots": (state,),
        "console": True,
        "console_off_reason": "",
        "locals_shown": True,
        "refresh": False,
        "editor": "",
        "path_map": (),
        "urls": ("http://127.0.0.1:8000",),
        "app_name": "shop:app",
    }
    return DevSession(**{**values, **changes})


class Answer:
    """What a WSGI app answered."""

    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = int(status.split()[0])
        self.headers = {name.lower(): value for name, value in headers}
        self.text = body.decode()


def environ(path: str = "/", method: str = "GET", body: bytes = b"", **more: Any) -> dict[str, Any]:
    """A request of a browser on this machine."""
    path, _, query = path.partition("?")
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


def ask(app: Callable[..., Iterable[bytes]], request: dict[str, Any]) -> Answer:
    """Call an app as a server does, to the end."""
    started: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info and started:
            raise exc_info[1]
        started[:] = [status, headers]
        return written.append

    body = app(request, start_response)
    try:
        written += body
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    status, headers = started
    return Answer(status, headers, b"".join(written))


def debugger(app: Any, session: DevSession) -> tuple[Debugger, list[Report]]:
    """The app behind the error page, and the reports that it makes."""
    reports: list[Report] = []
    made = Debugger(
        app, session, Broadcast(1), on_report=lambda report, error: reports.append(report)
    )
    return made, reports


def caught(function: Callable[[], object]) -> BaseException:
    """The exception that a function raises."""
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - also SystemExit
        return error
    raise AssertionError("nothing was raised")
