"""What is in environ: by PEP 3333 and RFC 3875, and what frameworks expect beyond them."""

import json
import re
from typing import Any

import pytest

from tests.compliance.conftest import APPLICATION, Served, values_of_environ
from tests.conftest import REPOSITORY, StartServer
from tests.serving.wire import build_request, chunked

# PEP 3333 names all but the last two; those are what Werkzeug, Django and loggers look for.
REQUIRED: dict[str, tuple[str, Any]] = {
    "REQUEST_METHOD": ("str", "GET"),
    "SCRIPT_NAME": ("str", ""),
    "PATH_INFO": ("str", "/environ/some path"),
    "QUERY_STRING": ("str", "a=%20b"),
    "SERVER_PROTOCOL": ("str", "HTTP/1.1"),
    "wsgi.version": ("tuple", [1, 0]),
    "wsgi.url_scheme": ("str", "http"),
    "wsgi.run_once": ("bool", False),
    "wsgi.input_terminated": ("bool", True),
    "REMOTE_ADDR": ("str", "127.0.0.1"),
}


@pytest.mark.parametrize("name", REQUIRED)
def test_every_variable_is_there_with_its_type(served: Served, name: str) -> None:
    answer = served.exchange("GET", "/environ/some%20path?a=%20b")
    entry = json.loads(answer.body)["environ"][name]
    assert REQUIRED[name] == (entry["type"], entry["value"])


def test_environ_is_a_builtin_dict(served: Served) -> None:
    assert json.loads(served.exchange("GET", "/environ").body)["environ type"] == "dict"


def test_changing_environ_touches_no_other_request(served: Served) -> None:
    with served.wire() as wire:
        first = values_of_environ(wire.exchange("GET", "/environ"))
        second = values_of_environ(wire.exchange("GET", "/environ"))
    assert "left.behind" not in second
    assert first.keys() == second.keys()


def test_the_server_tells_its_own_address(served: Served) -> None:
    environ = served.environ()
    assert served.address.bind.rpartition(":")[2] == environ["SERVER_PORT"]
    assert isinstance(environ["SERVER_NAME"], str)
    assert environ["SERVER_NAME"] != ""


def test_the_port_of_the_client_is_told(served: Served) -> None:
    with served.wire() as wire:
        environ = values_of_environ(wire.exchange("GET", "/environ"))
        assert environ["REMOTE_PORT"] == str(wire.socket.getsockname()[1])


def test_streams_and_flags_are_there(served: Served) -> None:
    names = served.environ().keys()
    expected = {
        "wsgi.input",
        "wsgi.errors",
        "wsgi.file_wrapper",
        "wsgi.multithread",
        "wsgi.multiprocess",
    }
    assert expected <= names


def test_one_worker_is_no_multiprocess(served: Served) -> None:
    environ = served.environ()
    assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"]) == (True, False)


# PEP 3333 "Unicode Issues", RFC 3875 section 4.1.5: decoded once, each byte one character.
PATHS: dict[str, tuple[str, str]] = {
    "/environ": ("/environ", ""),
    "/environ/": ("/environ/", ""),
    "/environ/caf%C3%A9": ("/environ/caf\u00c3\u00a9", ""),
    "/environ/%E2%82%AC": ("/environ/\u00e2\u0082\u00ac", ""),
    "/environ/%ff": ("/environ/\u00ff", ""),
    "/environ/a%2Fb": ("/environ/a/b", ""),
    "/environ/a%2fb": ("/environ/a/b", ""),
    "/environ/a%3Fb?c": ("/environ/a?b", "c"),
    "/environ/%2541": ("/environ/%41", ""),
    "/environ/a+b?c+d": ("/environ/a+b", "c+d"),
    "/environ/a;b=c": ("/environ/a;b=c", ""),
    "/environ//double///slash": ("/environ//double///slash", ""),
    "/environ/./dots/../kept": ("/environ/./dots/../kept", ""),
    "/environ/%2e%2e/kept": ("/environ/../kept", ""),
    "/environ?": ("/environ", ""),
    "/environ?a?b": ("/environ", "a?b"),
    "/environ?q=%C3%A9&r=%2F": ("/environ", "q=%C3%A9&r=%2F"),
    "/environ/:@!$&'()*,=~-._": ("/environ/:@!$&'()*,=~-._", ""),
}


@pytest.mark.parametrize("target", PATHS)
def test_the_path_is_decoded_and_the_query_is_not(served: Served, target: str) -> None:
    environ = served.environ(target)
    assert PATHS[target] == (environ["PATH_INFO"], environ["QUERY_STRING"])


@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
def test_the_raw_target_is_told_too(served: Served, name: str) -> None:
    target = "/environ/caf%C3%A9%2Fbar//?q=%20"
    assert target == served.environ(target)[name]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "PROPFIND", "BREW"])
def test_any_method_reaches_the_app(served: Served, method: str) -> None:
    assert method == served.environ(method=method)["REQUEST_METHOD"]


def test_http_1_0_is_told(served: Served) -> None:
    answer = served.exchange("GET", "/environ", version="HTTP/1.0")
    assert values_of_environ(answer)["SERVER_PROTOCOL"] == "HTTP/1.0"


# Header fields.

HEADERS: dict[str, tuple[list[tuple[str, str]], str, str]] = {
    # what: the fields sent, the name in environ, its value
    "a plain field": ([("X-Name", "value")], "HTTP_X_NAME", "value"),
    "a name in any case": ([("x-nAmE", "value")], "HTTP_X_NAME", "value"),
    "no space around the value": ([("X-Name", " \t value\t ")], "HTTP_X_NAME", "value"),
    "an empty value": ([("X-Name", "")], "HTTP_X_NAME", ""),
    "bytes above 127 as latin-1": ([("X-Name", "caf\xe9")], "HTTP_X_NAME", "caf\xe9"),
    "cookies": ([("Cookie", "a=1; b=2")], "HTTP_COOKIE", "a=1; b=2"),
    "the host": ([("Host", "example.test:8080")], "HTTP_HOST", "example.test:8080"),
    "the content type": ([("Content-Type", "text/x; a=b")], "CONTENT_TYPE", "text/x; a=b"),
    "the content length": ([("Content-Length", "0")], "CONTENT_LENGTH", "0"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_field_becomes_a_variable(served: Served, what: str) -> None:
    fields, name, value = HEADERS[what]
    assert value == served.environ(headers=fields)[name]


def test_repeated_fields_are_joined_by_commas(served: Served) -> None:
    """RFC 9110 section 5.3: in order, with a comma and optional space."""
    environ = served.environ(headers=[("X-Name", "1"), ("x-name", "2"), ("X-Name", "3, 4")])
    assert re.split(", ?", environ["HTTP_X_NAME"]) == ["1", "2", "3", "4"]


def test_repeated_cookie_fields_are_joined_by_semicolons(served: Served) -> None:
    """RFC 6265 section 5.4, RFC 9113 section 8.2.3: a comma would be part of a cookie's value."""
    environ = served.environ(headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_a_name_with_an_underscore_cannot_pretend_to_be_another(served: Served) -> None:
    """`X_Name` would become the same variable as `X-Name`, past a proxy that filters only one."""
    environ = served.environ(
        headers=[("X_Name", "spoofed"), ("X-Name", "real"), ("X_Other", "spoofed")]
    )
    assert environ["HTTP_X_NAME"] == "real"
    assert "HTTP_X_OTHER" not in environ


def test_content_fields_have_no_http_twin(served: Served) -> None:
    environ = served.environ(headers=[("Content-Type", "text/plain"), ("Content-Length", "0")])
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & environ.keys()


def test_a_request_without_a_body_claims_no_content(served: Served) -> None:
    """PEP 3333: CONTENT_TYPE and CONTENT_LENGTH may be empty or missing."""
    environ = served.environ()
    assert {environ.get("CONTENT_TYPE", ""), environ.get("CONTENT_LENGTH", "")} == {""}


def test_a_decoded_body_has_no_transfer_encoding(served: Served) -> None:
    """PEP 3333: the server decodes it. Bottle would decode again, httpbin gives up."""
    with served.wire() as wire:
        wire.send(
            build_request("POST", "/environ", [("Transfer-Encoding", "chunked")], chunked([b"x"]))
        )
        environ = values_of_environ(wire.read_response())
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["wsgi.input_terminated"] is True


# Other forms of the target (RFC 9112 section 3.2).


def test_the_absolute_form_is_split_into_host_and_path(served: Served) -> None:
    with served.wire() as wire:
        wire.send(
            build_request("GET", "http://example.test:81/environ/a%20b?c", host="example.test:81")
        )
        environ = values_of_environ(wire.read_response())
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/environ/a b", "c")
    assert environ["HTTP_HOST"] == "example.test:81"


def test_the_host_of_the_absolute_form_overrides_the_host_field(served: Served) -> None:
    """RFC 9112 section 3.2.2: the received Host MUST be ignored."""
    with served.wire() as wire:
        wire.send(build_request("GET", "http://example.test:81/environ", host="other.test"))
        environ = values_of_environ(wire.read_response())
    assert environ["HTTP_HOST"] == "example.test:81"


def test_the_absolute_form_may_have_no_path(served: Served) -> None:
    with served.wire() as wire:
        wire.send(build_request("GET", "http://example.test?c", host="example.test"))
        environ = values_of_environ(wire.read_response())
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/", "c")


def test_options_of_the_whole_server_are_answered(served: Served) -> None:
    """RFC 9110 section 9.3.7."""
    with served.wire() as wire:
        answer = wire.exchange("OPTIONS", "*")
        assert answer.status < 300
        if answer.body:
            environ = values_of_environ(answer)
            assert environ["REQUEST_METHOD"] == "OPTIONS"
            assert environ["PATH_INFO"] in ("", "/", "/*", "*")
        assert wire.exchange("GET", "/response/one-item").body == b"one item"


def test_errors_of_the_app_reach_the_output_of_the_server(served: Served) -> None:
    assert served.exchange("GET", f"/errors?text={served.key}").status == 200
    for start in ("written", "first", "second"):
        served.server.wait_for_output(f"{start} {served.key}")


@pytest.mark.parametrize(
    ("root_path", "encoded", "script_name"),
    [("/shop", "/shop", "/shop"), ("/caf\u00e9", "/caf%C3%A9", "/caf\u00c3\u00a9")],
    ids=["ascii", "beyond ascii"],
)
def test_the_root_path_is_the_script_name(
    server_kind: str, start_server: StartServer, root_path: str, encoded: str, script_name: str
) -> None:
    server = start_server(server_kind, APPLICATION, REPOSITORY, root_path=root_path)
    environ = Served(server_kind, server).environ(f"{encoded}/environ/a%20b")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, "/environ/a b")


def test_a_proxy_field_does_not_become_http_proxy(served: Served) -> None:
    """Programs take HTTP_PROXY for the address of their proxy (CVE-2016-5385)."""
    environ = served.environ(headers=[("Proxy", "http://192.0.2.1"), ("X-Proxy", "kept")])
    assert "HTTP_PROXY" not in environ
    assert environ["HTTP_X_PROXY"] == "kept"
