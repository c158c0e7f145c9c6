"""The middleware: exceptions become pages, everything else passes as it is."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dev.pages import Answer, ask, caught, debugger, dev_session, environ
from trivet.dev.broadcast import Broadcast
from trivet.dev.debugger import Debugger, import_error_application, plain_error_application
from trivet.dev.load_failure import LoadFailure
from trivet.dev.refresh import Refresh
from trivet.dev.session import DevSession
from trivet.errors import AppNotFound

HTML: dict[str, Any] = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}


def failing(request: dict[str, Any], start_response: Any) -> list[bytes]:
    amount = 3
    secret_token = "hunter" + str(amount)
    raise ValueError(f"amount {amount}: <script>alert({len(secret_token)})</script>")


def in_the_middle(request: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    raise ValueError("too late")


def before_the_first_byte(request: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b""
    raise ValueError("in time")


def fine(request: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Own", "1")])
    return [b"all ", b"is well"]


def test_an_answer_without_an_error_passes_as_it_is(session: DevSession) -> None:
    answer = ask(debugger(fine, session)[0], environ())
    assert (answer.status, answer.text, answer.headers["x-own"]) == (200, "all is well", "1")


def test_an_exception_becomes_a_page(session: DevSession) -> None:
    answer = ask(debugger(failing, session)[0], environ(**HTML))
    assert answer.status == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "ValueError" in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text
    assert "secret_token" in answer.text
    assert "hunter3" not in answer.text


def test_the_page_allows_nothing_but_what_it_carries(session: DevSession) -> None:
    first = ask(debugger(failing, session)[0], environ(**HTML))
    second = ask(debugger(failing, session)[0], environ(**HTML))
    policy = first.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in first.text
    assert nonce not in second.headers["content-security-policy"]
    assert "http://" not in first.text.replace("http://localhost:8000", "").replace(
        "http://www.w3.org/2000/svg", ""
    )


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,*/*;q=0.8", "text/html"),
        ("*/*", "text/plain"),
        ("", "text/plain"),
        ("application/json", "application/json"),
        ("text/markdown", "text/markdown"),
        ("application/json, text/plain, */*", "application/json"),
    ],
)
def test_the_form_is_the_one_that_the_client_takes(
    session: DevSession, accept: str, kind: str
) -> None:
    answer = ask(debugger(failing, session)[0], environ(HTTP_ACCEPT=accept))
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert "amount 3" in answer.text


def test_json_says_first_what_most_programs_show(session: DevSession) -> None:
    answer = ask(debugger(failing, session)[0], environ(HTTP_ACCEPT="application/json"))
    value = json.loads(answer.text)
    assert list(value)[:4] == ["error", "message", "place", "page"]
    assert value["error"] == "ValueError"
    assert value["page"] == "/-/trivet/errors/1"


def test_head_gets_no_body(session: DevSession) -> None:
    answer = ask(debugger(failing, session)[0], environ(method="HEAD", **HTML))
    assert (answer.status, answer.text) == (500, "")


def test_an_error_before_the_first_byte_is_a_page(session: DevSession) -> None:
    answer = ask(debugger(before_the_first_byte, session)[0], environ())
    assert answer.status == 500
    assert "in time" in answer.text


def test_an_error_after_the_first_byte_is_raised_on_and_kept(session: DevSession) -> None:
    app, reports = debugger(in_the_middle, session)
    body = iter(app(environ(), lambda status, headers, exc_info=None: None))
    assert next(body) == b"first"
    with pytest.raises(ValueError, match="too late"):
        next(body)
    assert [report.title for report in reports] == ["in the middle of the response"]
    assert app.desk.kept.read(1) is not None


def test_what_was_written_cannot_become_a_page(session: DevSession) -> None:
    def writing(request: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"written")
        raise ValueError("too late")

    app, reports = debugger(writing, session)
    with pytest.raises(ValueError, match="too late"):
        ask(app, environ())
    assert len(reports) == 1


def test_a_file_for_sendfile_stays_one(session: DevSession) -> None:
    class Wrapper:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __iter__(self) -> Iterator[bytes]:
            yield self.file.read()

    def app(request: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return request["wsgi.file_wrapper"](io.BytesIO(b"a file"))

    request = environ()
    request["wsgi.file_wrapper"] = Wrapper
    body = debugger(app, session)[0](request, lambda status, headers, exc_info=None: None)
    assert isinstance(body, Wrapper)


def test_a_body_that_failed_is_closed(session: DevSession) -> None:
    class Body:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            raise ValueError("no")

        def close(self) -> None:
            self.closed = True

    body = Body()

    def app(request: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return body

    assert ask(debugger(app, session)[0], environ()).status == 500
    assert body.closed


def test_exit_in_a_view_is_an_error_like_others(session: DevSession) -> None:
    def app(request: dict[str, Any], start_response: Any) -> list[bytes]:
        raise SystemExit(3)

    answer = ask(debugger(app, session)[0], environ())
    assert (answer.status, "SystemExit: 3" in answer.text) == (500, True)


def test_the_log_of_this_request_and_no_other_is_on_the_page(session: DevSession) -> None:
    log = logging.getLogger("shop.test")

    def app(request: dict[str, Any], start_response: Any) -> list[bytes]:
        log.warning("looked at %s", request["PATH_INFO"])
        raise ValueError

    handlers = logging.getLogger().handlers[:]
    made, reports = debugger(app, session)
    ask(made, environ("/first"))
    ask(made, environ("/second"))
    log.warning("outside of any request")
    assert [len(report.log_lines) for report in reports] == [1, 1]
    assert reports[1].log_lines[0].endswith("WARNING shop.test: looked at /second")
    assert logging.getLogger().handlers == handlers


def test_many_log_lines_are_bounded_and_counted(session: DevSession) -> None:
    def app(request: dict[str, Any], start_response: Any) -> list[bytes]:
        for number in range(1_000):
            logging.getLogger("shop.test").warning("line %s %s", number, "x" * 5_000)
        raise ValueError

    made, reports = debugger(app, session)
    ask(made, environ())
    assert (len(reports[0].log_lines), reports[0].log_lines_left_out) == (200, 800)
    assert max(map(len, reports[0].log_lines)) < 2_100


def test_the_body_that_the_app_read_is_on_the_page_without_secrets(session: DevSession) -> None:
    def app(request: dict[str, Any], start_response: Any) -> list[bytes]:
        request["wsgi.input"].read(int(request["CONTENT_LENGTH"]))
        raise ValueError

    made, reports = debugger(app, session)
    form = b"name=Ada&password=hunter2"
    kind: dict[str, Any] = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
    ask(made, environ(method="POST", body=form, **kind))
    request = reports[0].request
    assert request is not None
    assert request.body.startswith("name=Ada&password=•")
    form_panel = next(panel for panel in request.panels if panel.title == "Form")
    assert form_panel.rows == (("name", "'Ada'"), ("password", "••••••"))


def test_browsers_are_told_of_an_error(session: DevSession) -> None:
    broadcast = Broadcast(1)
    news = broadcast.subscribe()
    app = Debugger(failing, session, broadcast, on_report=lambda report, error: None)
    ask(app, environ("/cart"))
    told = news.next(0)
    assert told is not None
    assert (told["kind"], told["number"], told["path"]) == ("error", 1, "/cart")


def test_a_network_sees_neither_values_nor_consoles(tmp_path: Path) -> None:
    session = dev_session(tmp_path, locals_shown=False, console=False, console_off_reason="--lan")
    answer = ask(debugger(failing, session)[0], environ(REMOTE_ADDR="192.168.1.7", **HTML))
    assert "ValueError" in answer.text
    assert "No console: --lan" in answer.text
    assert 'class="names"' not in answer.text
    assert "data-frame" not in answer.text


def test_a_rebound_host_sees_no_values(session: DevSession) -> None:
    answer = ask(debugger(failing, session)[0], environ(HTTP_HOST="evil.example", **HTML))
    assert 'class="names"' not in answer.text
    assert "data-frame" not in answer.text


# --- kept pages -----------------------------------------------------------------------------------


def test_a_kept_page_stays_when_the_worker_is_another(session: DevSession) -> None:
    number = ask(debugger(failing, session)[0], environ("/cart")).headers["x-trivet-error"]
    answer = ask(debugger(fine, session)[0], environ(f"/-/trivet/errors/{number}", **HTML))
    assert answer.status == 200
    assert "amount 3" in answer.text


def test_the_last_twenty_are_kept(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    for _ in range(25):
        ask(app, environ())
    assert app.desk.kept.numbers() == list(range(25, 5, -1))
    assert ask(app, environ("/-/trivet/errors/5")).status == 404
    listed = ask(app, environ("/-/trivet/errors/"))
    assert listed.text.count("<li>") == 20


def test_a_kept_page_is_bounded(session: DevSession) -> None:
    def app(request: dict[str, Any], start_response: Any) -> list[bytes]:
        names = {f"name_{number}": "x" * 100_000 for number in range(100)}
        del request
        raise ValueError("y" * 3_000_000 + str(len(names)))

    made, _ = debugger(app, session)
    ask(made, environ())
    (file,) = (session.state_directory / "errors").glob("*.json")
    assert file.stat().st_size <= 512 * 1024


@pytest.mark.parametrize("path", ["errors/../../x", "errors/99999999999999", "errors/x", "nothing"])
def test_there_are_no_other_pages(session: DevSession, path: str) -> None:
    assert ask(debugger(fine, session)[0], environ(f"/-/trivet/{path}")).status == 404


def test_kept_pages_are_for_this_machine(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    ask(app, environ())
    assert ask(app, environ("/-/trivet/errors/1", HTTP_HOST="evil.example")).status == 403
    assert ask(app, environ("/-/trivet/errors/", REMOTE_ADDR="10.0.0.1")).status == 403


# --- apps that could not be loaded ----------------------------------------------------------------


def test_an_import_error_is_the_answer_to_every_request(session: DevSession) -> None:
    error = caught(lambda: __import__("there_is_no_such_module"))
    told: list[str] = []
    app = import_error_application(
        error,
        session,
        Broadcast(1),
        log_lines=["a line of the log"],
        on_report=lambda report, error: told.append(report.error.first_line),
    )
    # As a worker serves it: behind the middleware, which must not have a desk of its own.
    served = Debugger(app, session, Broadcast(1))
    for path in ("/", "/any/where"):
        answer = ask(served, environ(path, **HTML))
        assert answer.status == 500
        assert "No module named" in answer.text
        assert "a line of the log" in answer.text
        assert ">Hint<" in answer.text
    assert told == ["ModuleNotFoundError: No module named 'there_is_no_such_module'"]
    assert served.desk is app.desk  # type: ignore[attr-defined] # a ReportApplication


def test_trivets_own_errors_bring_their_details_and_hints(session: DevSession) -> None:
    error = AppNotFound("no app here", hint="name it", details="looked at:\n  app.py")
    app = import_error_application(
        error, session, Broadcast(1), on_report=lambda report, error: None
    )
    text = ask(app, environ()).text
    assert "no app here" in text
    assert "hint: name it" in text
    assert "  looked at:" in text


def test_a_worker_that_died_is_shown_with_what_is_known(session: DevSession) -> None:
    failure = LoadFailure(
        what="the worker was killed by SIGSEGV",
        detail="while it imported shop.fast",
        stacks="Current thread 0x01:\n  File shop/fast.py",
        hint="look at the C code",
    )
    app = plain_error_application(failure, session, Broadcast(1))
    html = ask(app, environ(**HTML)).text
    text = ask(app, environ()).text
    for part in ("killed by SIGSEGV", "shop.fast", "shop/fast.py", "look at the C code"):
        assert part in html
        assert part in text


def test_the_refresh_script_gets_into_the_page_once_with_its_nonce(tmp_path: Path) -> None:
    session = dev_session(tmp_path, refresh=True)
    served = Refresh(debugger(failing, session)[0], session, Broadcast(1))
    answer = ask(served, environ(**HTML))
    nonce = answer.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
    assert answer.text.count("refresh.js") == 1
    tag = next(part for part in answer.text.split("<script") if "refresh.js" in part)
    assert f'nonce="{nonce}"' in tag


# --- opening and evaluating -----------------------------------------------------------------------

Ask = Callable[..., Answer]


def post(app: Debugger, path: str, value: object, **more: Any) -> Answer:
    body = json.dumps(value).encode()
    own: dict[str, Any] = {
        "CONTENT_TYPE": "application/json",
        "HTTP_ORIGIN": "http://localhost:8000",
        "HTTP_SEC_FETCH_SITE": "same-origin",
    }
    return ask(app, environ(f"/-/trivet/{path}", "POST", body, **{**own, **more}))


def cookie_of(app: Debugger, session: DevSession) -> str:
    answer = ask(app, environ(f"/-/trivet/open?token={session.token}"))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.endswith("; Path=/-/trivet; HttpOnly; SameSite=Strict")
    return cookie.partition(";")[0]


def test_the_link_of_the_terminal_opens_the_console(session: DevSession) -> None:
    app, reports = debugger(failing, session)
    ask(app, environ())
    frame = reports[0].error.frames[-1].console
    cookie = cookie_of(app, session)
    answer = post(app, "console", {"frame": frame, "code": "amount + 1"}, HTTP_COOKIE=cookie)
    assert json.loads(answer.text) == {"output": "4\n", "error": "", "incomplete": False}


def test_without_the_cookie_the_page_is_to_ask_for_the_token(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    answer = post(app, "console", {"frame": "1-1-0-0", "code": "1"})
    assert answer.status == 403
    assert json.loads(answer.text)["wants_token"]


def test_the_typed_token_opens_it_as_well(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    assert post(app, "unlock", {"token": "wrong"}).status == 403
    assert "set-cookie" in post(app, "unlock", {"token": session.token}).headers


def test_five_wrong_tokens_lock_all_workers_of_this_start(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    cookie = cookie_of(app, session)
    for _ in range(5):
        assert post(app, "unlock", {"token": "wrong"}).status == 403
    other_worker, _ = debugger(fine, session)
    for each in (app, other_worker):
        answer = post(each, "console", {"frame": "1-1-0-0", "code": "1"}, HTTP_COOKIE=cookie)
        assert "locked" in json.loads(answer.text)["refused"]
        assert post(each, "unlock", {"token": session.token}).status == 403


def test_the_cookie_of_another_start_is_no_failure(session: DevSession, tmp_path: Path) -> None:
    app, _ = debugger(failing, session)
    other = dev_session(tmp_path / "other", token="the token of another start")
    old = cookie_of(debugger(fine, other)[0], other)
    for _ in range(10):
        post(app, "console", {"frame": "1-1-0-0", "code": "1"}, HTTP_COOKIE=old)
    assert post(app, "unlock", {"token": session.token}).status == 200


def test_a_form_of_another_site_is_no_json(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    cookie = cookie_of(app, session)
    answer = post(
        app, "console", {"frame": "1", "code": "1"}, HTTP_COOKIE=cookie, CONTENT_TYPE="text/plain"
    )
    assert answer.status == 400


def test_a_frame_that_is_gone_is_said_to_be(session: DevSession) -> None:
    app, _ = debugger(failing, session)
    cookie = cookie_of(app, session)
    for frame in ("999999-1-0-0", "1-1-0-0", "nonsense", "../x"):
        answer = post(app, "console", {"frame": frame, "code": "1"}, HTTP_COOKIE=cookie)
        assert answer.status == 410
        assert "repeat the request" in json.loads(answer.text)["refused"]


def test_nothing_is_evaluated_when_the_console_is_off(tmp_path: Path) -> None:
    session = dev_session(tmp_path, console=False, console_off_reason="the environment says no")
    app, reports = debugger(failing, session)
    ask(app, environ())
    assert {frame.console for frame in reports[0].error.frames} == {""}
    assert ask(app, environ(f"/-/trivet/open?token={session.token}")).status == 403
    assert "says no" in post(app, "console", {"frame": "1-1-0-0", "code": "1"}).text
