"""trivet.dev.refresh: what the middleware does to answers, called as a server calls it."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.unit.dev.sessions import make_session
from trivet.dev.broadcast import Broadcast
from trivet.dev.refresh import EVENTS_PATH, SCRIPT, SCRIPT_PATH, Refresh

PAGE = b"<html><body>hello</body></html>"
NAVIGATION = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "SCRIPT_NAME": "",
    "HTTP_HOST": "localhost:8000",
    "HTTP_ACCEPT": "text/html",
}


class Answer:
    """An answer as the engine would get it."""

    def __init__(self, app: Any, **environ: str) -> None:
        self.status = ""
        self.headers: dict[str, str] = {}
        self.written: list[bytes] = []
        self.raw = app({**NAVIGATION, **environ}, self._start_response)
        self.started_before_the_body = bool(self.status)

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        assert not self.status or exc_info, "start_response was called twice"
        self.status, self.headers = status, dict(headers)
        return self.written.append

    @property
    def body(self) -> bytes:
        return b"".join(self.raw)


def page_app(
    *more: tuple[str, str],
    status: str = "200 OK",
    body: Callable[[], Iterable[bytes]] = lambda: iter([PAGE]),
) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE))), *more]
        start_response(status, headers)
        return body()

    return app


def refreshing(app: Any, generation: int = 1, **session: Any) -> Refresh:
    return Refresh(app, make_session(**session), Broadcast(generation))


def test_a_page_gets_the_script_and_its_new_length() -> None:
    answer = Answer(refreshing(page_app()))
    body = answer.body
    assert b'<script src="/-/trivet/refresh.js?v=' in body
    assert body.endswith(b"</script></body></html>")
    assert answer.headers["Content-Length"] == str(len(body))


def test_the_script_is_found_below_the_root_path() -> None:
    answer = Answer(refreshing(page_app()), SCRIPT_NAME='/a"b')
    assert b'src="/a&quot;b/-/trivet/refresh.js' in answer.body


def test_the_script_carries_the_nonce_of_the_policy() -> None:
    policy = ("Content-Security-Policy", "script-src 'nonce-abc'")
    assert b'nonce="abc"' in Answer(refreshing(page_app(policy))).body


def test_a_page_whose_policy_forbids_the_script_is_left_alone() -> None:
    policy = ("Content-Security-Policy", "script-src 'sha256-abc'")
    answer = Answer(refreshing(page_app(policy)))
    assert answer.body == PAGE
    assert answer.headers["Content-Length"] == str(len(PAGE))


def test_the_body_is_closed_when_the_page_has_been_read() -> None:
    closed = []

    def body() -> Iterator[bytes]:
        try:
            yield PAGE
        finally:
            closed.append(True)

    assert Answer(refreshing(page_app(body=body))).body
    assert closed == [True]


def test_a_stream_is_handed_on_as_it_is() -> None:
    def stream() -> Iterator[bytes]:
        yield b"<html>"
        raise AssertionError("the second part was asked for too early")

    raw = stream()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return raw

    answer = Answer(refreshing(app))
    assert answer.raw is raw
    assert answer.started_before_the_body


def test_an_app_that_starts_its_answer_late_is_left_alone() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        yield PAGE

    answer = Answer(refreshing(app))
    assert answer.body == PAGE
    assert answer.status == "200 OK"


def test_an_app_that_writes_by_itself_is_left_alone() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(b"<p>one")
        write(b"<p>two")
        return [b"<p>three"]

    answer = Answer(refreshing(app))
    assert answer.written == [b"<p>one", b"<p>two"]
    assert answer.body == b"<p>three"


def test_a_second_start_is_the_servers_to_complain_about() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    with pytest.raises(AssertionError, match="called twice"):
        Answer(refreshing(app))


def test_an_error_in_the_middle_of_a_page_reaches_the_server_and_closes_the_body() -> None:
    def body() -> Iterator[bytes]:
        yield b"<html>"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Answer(refreshing(page_app(body=body)))


def test_headers_may_be_replaced_until_the_page_is_sent() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", "5")])

        def body() -> Iterator[bytes]:
            failure = ValueError("late")
            start_response(
                "500 Late", [("Content-Type", "text/plain")], (ValueError, failure, None)
            )
            yield b"late"

        return body()

    answer = Answer(refreshing(app))
    assert (answer.status, answer.body) == ("500 Late", b"late")


def test_a_wrong_length_stays_for_the_server_to_find() -> None:
    answer = Answer(refreshing(page_app(body=lambda: [b"short"])))
    assert answer.body == b"short"
    assert answer.headers["Content-Length"] == str(len(PAGE))


def test_not_modified_keeps_the_entity_tag_that_the_browser_has() -> None:
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ.get("HTTP_IF_NONE_MATCH"))
        start_response("304 NOT MODIFIED", [("ETag", '"a"')])
        return []

    middleware = refreshing(app)
    own = f'"a-trivet-{middleware.generation}"'
    answer = Answer(middleware, HTTP_IF_NONE_MATCH=own)
    assert seen == ['"a"']
    assert answer.headers["ETag"] == own


def test_a_page_of_older_code_is_asked_for_without_a_condition() -> None:
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ.get("HTTP_IF_NONE_MATCH"))
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    old = refreshing(app, generation=1).generation
    assert b"script" in Answer(refreshing(app, 2), HTTP_IF_NONE_MATCH=f'"a-trivet-{old}"').body
    assert seen == [None]


def test_requests_of_programs_are_not_touched() -> None:
    app = page_app()
    assert Answer(refreshing(app), HTTP_ACCEPT="application/json").body == PAGE


def test_the_setting_turns_all_of_it_off() -> None:
    middleware = refreshing(page_app(), refresh=False)
    assert Answer(middleware).body == PAGE
    assert Answer(middleware, PATH_INFO=EVENTS_PATH).status == "204 No Content"


def test_the_script_is_served() -> None:
    answer = Answer(refreshing(page_app()), PATH_INFO=SCRIPT_PATH)
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.body == SCRIPT


def test_events_begin_with_the_generation_and_go_on_with_the_news() -> None:
    broadcast = Broadcast(7)
    middleware = Refresh(page_app(), make_session(), broadcast)
    answer = Answer(middleware, PATH_INFO=EVENTS_PATH)
    broadcast.publish({"kind": "css", "paths": ["static/site.css"]})
    broadcast.close()
    events = [
        json.loads(event.removeprefix("data: "))
        for event in answer.body.decode().split("\n\n")
        if event
    ]
    assert events == [
        {"kind": "hello", "generation": middleware.generation},
        {"kind": "css", "paths": ["static/site.css"]},
    ]
    assert middleware.generation.endswith(".7")


def test_a_change_without_new_code_is_numbered_in_pages_greetings_and_news() -> None:
    broadcast = Broadcast(7)
    middleware = Refresh(page_app(), make_session(), broadcast)
    before = middleware.generation
    answer = Answer(middleware, PATH_INFO=EVENTS_PATH)
    broadcast.publish_change({"kind": "reload"}, 3)
    late = Answer(middleware, PATH_INFO=EVENTS_PATH)
    page = Answer(middleware).body.decode()
    broadcast.close()
    assert middleware.generation == f"{before}.3"
    assert f'data-generation="{before}.3"' in page
    # Who listened before is told, and who comes afterwards is greeted with it.
    greeting, news = (json.loads(text[6:]) for text in answer.body.decode().split("\n\n") if text)
    assert greeting["generation"] == before
    assert (news["kind"], news["generation"]) == ("reload", f"{before}.3")
    assert f'"generation": "{before}.3"' in late.body.decode()


def test_a_new_start_is_another_generation() -> None:
    one, other = (refreshing(page_app(), token=token) for token in ("a", "b"))
    assert one.generation != other.generation
    assert "a" not in one.generation.split(".")


def test_a_browser_that_leaves_ends_its_subscription() -> None:
    broadcast = Broadcast(1)
    answer = Answer(Refresh(page_app(), make_session(), broadcast), PATH_INFO=EVENTS_PATH)
    answer.raw.close()
    broadcast.publish({"kind": "reload"})
    assert b"reload" not in answer.body
