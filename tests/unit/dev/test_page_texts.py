"""Texts to copy: curl commands that a shell takes, tests that run, fences that hold."""

import shlex
from dataclasses import replace

import pytest

from trivet.dev.page.highlight import highlight
from trivet.dev.page.negotiate import negotiate
from trivet.dev.page.snippets import as_curl, as_pytest
from trivet.dev.page.text import as_markdown, as_text
from trivet.dev.report import Cause, Frame, Line, Report, RequestFacts, without_values

REQUEST = RequestFacts(
    method="POST",
    url="http://localhost:8000/cart?x=1",
    path="/cart?x=1",
    headers=(
        ("Accept", "text/html"),
        ("Content-Type", "application/json"),
        ("Cookie", "••••••"),
        ("Host", "localhost:8000"),
        ("Sec-Fetch-Mode", "cors"),
        ("X-Own", "it's"),
    ),
    body='{"name": "O\'Brien"}',
)
REPORT = Report(
    app_name="shop.wsgi:create_app('dev')",
    when="2026-01-01T12:00:00+00:00",
    chain=(
        Cause(
            kind="ValueError",
            module="builtins",
            message="wrong\n```fence```",
            frames=(
                Frame(
                    kind="project",
                    file="/shop/a.py",
                    shown_file="a.py",
                    line=2,
                    function="cart",
                    source=(Line(number=1, text="x = 1"), Line(number=2, text="    f(x)")),
                    caret=(4, 8),
                ),
            ),
        ),
    ),
    request=REQUEST,
)


def test_curl_repeats_the_request_in_a_shell() -> None:
    words = shlex.split(as_curl(REQUEST).replace("\\\n", " "))
    assert words[0] == "curl"
    assert "http://localhost:8000/cart?x=1" in words
    assert words[words.index("--data-raw") + 1] == '{"name": "O\'Brien"}'
    assert "X-Own: it's" in words
    assert not [word for word in words if word.startswith(("Host", "Sec-"))]


@pytest.mark.parametrize(
    ("method", "body", "wanted"),
    [
        ("GET", "", "curl --include --globoff \\\n"),
        ("HEAD", "", "curl --head"),
        ("DELETE", "", "--request DELETE"),
        ("PUT", "x", "--request PUT"),
        ("POST", "", "--request POST"),
    ],
)
def test_curl_uses_the_method(method: str, body: str, wanted: str) -> None:
    assert wanted in as_curl(replace(REQUEST, method=method, body=body))


def test_the_test_compiles_and_calls_the_factory() -> None:
    text = as_pytest(REPORT, REQUEST)
    compile(text, "test_cart.py", "exec")
    assert "from shop.wsgi import create_app" in text
    assert "Client(create_app('dev'))" in text
    assert "def test_post_cart():" in text
    assert "••" not in text


def test_the_test_of_a_django_project_uses_its_client() -> None:
    text = as_pytest(REPORT, replace(REQUEST, framework="Django"))
    assert "from django.test import Client" in text


def test_the_test_fails_as_long_as_the_error_is_there(tmp_path: object) -> None:
    request = replace(REQUEST, method="GET", body="", headers=())
    text = as_pytest(replace(REPORT, app_name="shop:app"), request)
    for status, fails in ((500, True), (200, False)):

        def app(environ: object, start_response: object, status: int = status) -> list[bytes]:
            start_response(f"{status} X", [])  # type: ignore[operator] # WSGI's
            return [b""]

        names: dict[str, object] = {"app": app}
        exec(compile(text.replace("from shop import app", ""), "test_cart.py", "exec"), names)
        test = names["test_get_cart"]
        assert callable(test)
        if fails:
            with pytest.raises(AssertionError):
                test()
        else:
            test()


def test_text_marks_line_and_columns() -> None:
    lines = as_text(REPORT).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  > 2 |"))
    assert lines[at] == "  > 2 |     f(x)"
    assert lines[at + 1] == "      |     ^^^^"


def test_a_fence_in_a_message_does_not_end_the_block() -> None:
    assert "````\nwrong\n```fence```\n````" in as_markdown(REPORT)


def test_a_report_without_values_has_no_headers_and_no_body() -> None:
    bare = without_values(REPORT).request
    assert bare is not None
    assert (bare.headers, bare.body, bare.panels) == ((), "", ())


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html;q=0, */*", "text/plain"),
        ("text/*", "text/plain"),
        ("image/png", "text/plain"),
        ("application/problem+json", "application/json"),
        ("text/html;q=nonsense", "text/plain"),
        (",,;", "text/plain"),
    ],
)
def test_accept_decides(accept: str, expected: str) -> None:
    assert negotiate(accept) == expected


def test_a_program_that_sends_json_gets_json() -> None:
    assert negotiate("*/*", "application/json") == "application/json"
    assert negotiate("*/*", "", "XMLHttpRequest") == "application/json"


def test_colours_keep_the_text_and_escape_it() -> None:
    html = highlight('    return f"<b>{x}</b>" + 10  # no', (11, 25))
    assert html.count("<mark>") == 1
    assert '<i class="k">return</i>' in html
    assert "&lt;b&gt;" in html
    assert '<i class="c"># no</i>' in html


def test_columns_beyond_the_line_do_no_harm() -> None:
    assert highlight("ab", (1, 9)) == "a<mark>b</mark>"
    assert highlight("", (0, 3)) in ("", "<mark></mark>")
