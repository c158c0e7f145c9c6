"""trivet.dev.request_lines: one line for each request, on terminals of any width."""

import time

import pytest

from trivet.dev.cells import cells
from trivet.dev.request_lines import SeenRequest, duration, is_own, is_static, request_line

NOON = time.mktime((2026, 11, 25, 12, 0, 0, 0, 0, -1))


def seen(
    path: str = "/cart", status: int = 200, method: str = "GET", **more: object
) -> SeenRequest:
    values = {"view": "shop.views.cart", "seconds": 0.012, "at": NOON, **more}
    return SeenRequest(method=method, path=path, status=status, **values)  # type: ignore[arg-type]


def test_a_line_has_time_method_path_status_duration_and_view() -> None:
    line = request_line(seen(), 80, colour=False)
    assert line.split() == ["12:00:00", "GET", "/cart", "200", "12", "ms", "shop.views.cart"]


def test_lines_of_different_requests_have_their_columns_in_one_place() -> None:
    requests = (seen(), seen("/a", 404, "DELETE", seconds=1.5), seen("/é", 500, "POST"))
    places = {
        request_line(request, 100, colour=False).index(f" {request.status} ")
        for request in requests
    }
    assert len(places) == 1


@pytest.mark.parametrize("columns", range(24, 200, 7))
@pytest.mark.parametrize("path", ["/", "/" + "long/" * 60, "/日本語" * 30, "/e\u0301" * 80])
def test_no_line_is_longer_than_the_terminal_is_wide(path: str, columns: int) -> None:
    assert cells(request_line(seen(path), columns, colour=False)) <= columns


def test_a_narrow_terminal_has_no_view_and_then_no_time() -> None:
    assert request_line(seen(), 60, colour=False).split()[-1] == "ms"
    assert request_line(seen(), 40, colour=False).startswith("GET")


def test_a_long_path_keeps_its_end() -> None:
    line = request_line(seen("/api/v1/customers/" + "0" * 80 + "/orders"), 80, colour=False)
    assert "…" in line
    assert "/orders" in line


def test_a_path_cannot_steer_the_terminal() -> None:
    line = request_line(seen("/\x1b[2J\r\n12:00:00 GET /forged"), 200, colour=True)
    assert "\\x1b[2J\\r\\n" in line
    assert "\r" not in line


def test_colours_tell_the_class_of_a_status() -> None:
    assert "\x1b[32m200" in request_line(seen(), 80, colour=True)
    assert "\x1b[1;31m500" in request_line(seen(status=500), 80, colour=True)
    assert "\x1b" not in request_line(seen(status=500), 80, colour=False)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0004, "0.4 ms"), (0.00096, "1 ms"), (0.012, "12 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"),
     (12.34, "12.3 s"), (120.0, "120 s")],
)  # fmt: skip
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("path", ["/static/site.css", "/favicon.ico", "/app.JS?v=3"])
def test_files_by_their_name_are_static(path: str) -> None:
    assert is_static(seen(path))
    assert is_static(seen(path, 304))


def test_what_the_framework_calls_static_is_so_whatever_its_name() -> None:
    assert is_static(seen("/downloads/manual", static=True))


@pytest.mark.parametrize(
    "request_",
    [seen("/static/missing.css", 404), seen("/upload.png", method="POST"), seen("/cart")],
)
def test_a_missing_file_and_a_page_are_shown(request_: SeenRequest) -> None:
    assert not is_static(request_)


def test_trivets_own_pages_are_nobodys_requests() -> None:
    assert is_own(seen("/-/trivet/events"))
    assert not is_own(seen("/"))


def test_a_request_survives_the_way_to_the_supervisor() -> None:
    request = seen(seconds=0.25, static=True)
    assert SeenRequest.from_data(request.to_data()) == request


def test_a_message_with_odd_values_becomes_a_plain_request() -> None:
    request = SeenRequest.from_data({"status": "x", "ms": None, "at": 1.0})
    assert (request.status, request.seconds, request.method) == (0, 0.0, "")
    assert "-" in request_line(request, 80, colour=False)
