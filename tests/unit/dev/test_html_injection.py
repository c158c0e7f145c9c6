"""trivet.dev.html_injection: which answers get the script, and where it goes."""

import pytest

from trivet.dev.html_injection import (
    asks_for_page,
    changed_headers,
    is_whole_page,
    marked_etag,
    unmarked_condition,
    with_tag,
)

NAVIGATION = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"HTTP_SEC_FETCH_DEST": "document"},
        {"REQUEST_METHOD": "POST"},
    ],
)
def test_a_browser_that_opens_a_page_gets_the_script(more: dict[str, str]) -> None:
    assert asks_for_page({**NAVIGATION, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"HTTP_ACCEPT": "*/*"},
        {"REQUEST_METHOD": "HEAD"},
        {"REQUEST_METHOD": "PUT"},
        {"HTTP_SEC_FETCH_DEST": "empty"},
        {"HTTP_SEC_FETCH_DEST": "iframe"},
        {"HTTP_HX_REQUEST": "true"},
        {"HTTP_TURBO_FRAME": "messages"},
        {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"},
        {"HTTP_RANGE": "bytes=0-9"},
    ],
)
def test_a_request_for_a_part_of_a_page_or_by_a_program_does_not(more: dict[str, str]) -> None:
    assert not asks_for_page({**NAVIGATION, **more})


HTML = ("Content-Type", "text/html; charset=utf-8")
LENGTH = ("Content-Length", "5")


@pytest.mark.parametrize("status", ["200 OK", "404 NOT FOUND", "500 INTERNAL SERVER ERROR"])
def test_a_page_of_known_length_is_whole(status: str) -> None:
    assert is_whole_page(status, [HTML, LENGTH], iter([b"hello"]))


def test_a_list_is_whole_without_a_length() -> None:
    assert is_whole_page("200 OK", [HTML], [b"hello"])


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("304 NOT MODIFIED", [HTML]),
        ("204 NO CONTENT", [HTML]),
        ("206 PARTIAL CONTENT", [HTML, LENGTH, ("Content-Range", "bytes 0-4/9")]),
        ("200 OK", [("Content-Type", "application/json"), LENGTH]),
        ("200 OK", [("Content-Type", "text/html; charset=UTF-16"), LENGTH]),
        ("200 OK", [HTML, LENGTH, ("Content-Encoding", "gzip")]),
        ("200 OK", [HTML, LENGTH, ("Content-Disposition", "attachment; filename=a.html")]),
        ("200 OK", [HTML, LENGTH, ("Cache-Control", "no-transform")]),
        ("200 OK", [HTML, ("Content-Length", "99999999")]),
        ("200 OK", [LENGTH]),
    ],
)
def test_what_is_no_whole_page_is_left_alone(status: str, headers: list[tuple[str, str]]) -> None:
    assert not is_whole_page(status, headers, [b"hello"])


def test_a_generator_without_a_length_is_a_stream() -> None:
    assert not is_whole_page("200 OK", [HTML], (part for part in [b"hello"]))


def test_the_tag_goes_before_the_last_end_of_the_body() -> None:
    page = b"<body><pre></body></pre>hello</BODY ></html>"
    assert with_tag(page, b"<tag>") == b"<body><pre></body></pre>hello<tag></BODY ></html>"


def test_the_tag_goes_to_the_end_of_a_page_that_leaves_its_end_out() -> None:
    assert with_tag(b"<!doctype html><p>hello", b"<tag>") == b"<!doctype html><p>hello<tag>"


def test_headers_that_describe_the_body_are_changed() -> None:
    headers = [HTML, LENGTH, ("ETag", 'W/"a"'), ("Content-MD5", "x"), ("Vary", "Cookie")]
    assert changed_headers(headers, 50, "s.1") == [
        HTML,
        ("Content-Length", "50"),
        ("ETag", 'W/"a-trivet-s.1"'),
        ("Vary", "Cookie"),
    ]


def test_the_app_sees_its_own_entity_tags_again() -> None:
    condition = f'{marked_etag(chr(34) + "a" + chr(34), "s.2")}, W/"b-trivet-s.2"'
    assert unmarked_condition(condition, "s.2") == '"a", W/"b"'


def test_pages_of_other_code_are_not_taken_for_fresh() -> None:
    assert unmarked_condition('"a-trivet-s.1", "b"', "s.2") == ""
    assert unmarked_condition("*", "s.2") == "*"
