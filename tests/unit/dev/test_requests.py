"""trivet.dev.requests: what runs is counted, what is over is told, nothing is changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from trivet.dev.requests import Requests


def ask(app: Any, told: list[dict[str, Any]], **environ: Any) -> tuple[Requests, Any]:
    requests = Requests(app, app, lambda **fields: told.append(fields))
    body = requests(
        {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop", "PATH_INFO": "/cart", **environ},
        lambda status, headers, exc_info=None: lambda data: None,
    )
    return requests, body


def test_a_list_passes_as_it_is_and_is_told_at_once() -> None:
    parts = [b"body"]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("201 CREATED", [])
        return parts

    told: list[dict[str, Any]] = []
    requests, body = ask(app, told)
    assert body is parts
    assert requests.unanswered == 0
    assert (told[0]["path"], told[0]["status"], told[0]["method"]) == ("/shop/cart", "201", "GET")


def test_a_stream_is_answered_with_its_first_part_and_over_with_its_close() -> None:
    closed = []

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            yield b""
            yield b"first"
            yield b"second"

        def close(self) -> None:
            closed.append(True)

    told: list[dict[str, Any]] = []
    requests, body = ask(lambda environ, start: start("200 OK", []) and Stream(), told)
    parts = iter(body)
    assert (next(parts), requests.unanswered) == (b"", 1)
    assert (next(parts), requests.unanswered, told) == (b"first", 0, [])
    body.close()
    assert (closed, len(told)) == ([True], 1)


def test_write_is_an_answer() -> None:
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"written")
        seen.append(environ["requests"][0].unanswered)
        return iter([])

    holder: list[Requests] = []
    requests = Requests(app, app, lambda **fields: None)
    holder.append(requests)
    requests({"requests": holder}, lambda status, headers: lambda data: None)
    assert seen == [0]


def test_an_exception_passes_and_is_the_end() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("broken")

    told: list[dict[str, Any]] = []
    with pytest.raises(RuntimeError, match="broken"):
        ask(app, told)
    assert told[0]["status"] == ""


def test_nobody_waits_for_a_conversation() -> None:
    seen: list[int] = []
    told: list[dict[str, Any]] = []

    def app(environ: Any, start_response: Any) -> Any:
        return iter([])

    requests, _ = ask(app, told, **{"werkzeug.socket": object()})
    seen.append(requests.unanswered)
    assert seen == [0]
