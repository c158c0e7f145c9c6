"""Who the client is behind proxies: a Flask app and forwarded fields, written by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TESTS, StartServer
from tests.serving.addresses import Address, UnixAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

pytestmark = pytest.mark.system

Fields = list[tuple[str, str]]

#: What a proxy adds that does TLS and is reached as shop.example, below /shop.
PROXY: Fields = [
    ("X-Forwarded-For", "6.6.6.6, 192.0.2.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "shop.example"),
    ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Prefix", "/shop"),
    ("X-Real-IP", "192.0.2.1"),
]


def serve(
    start_server: StartServer, address: Address, *arguments: str, app: str = "app"
) -> ServerProcess:
    return start_server(
        "trivet",
        f"behind_proxy:{app}",
        TESTS / "apps",
        addresses=[address],
        extra_arguments=arguments,
    )


def ask(address: Address, fields: Fields, before: bytes = b"") -> dict[str, Any]:
    with Wire(address) as wire:
        wire.send(before)
        answer = wire.exchange("GET", "/who", fields)
    assert answer.status == 200, answer
    told: dict[str, Any] = json.loads(answer.body)
    return told


def test_nothing_that_an_untrusted_peer_says_of_others_reaches_the_app(
    start_server: StartServer,
) -> None:
    address = free_tcp_address()
    serve(start_server, address, "--trusted-proxies", "192.0.2.0/24,unix")
    twins = [(name.replace("-", "_"), value) for name, value in PROXY]
    more = [
        ("Forwarded", "for=6.6.6.6;proto=https"),
        ("X-Forwarded-Ssl", "on"),
        ("x-fOrWaRdEd-User", "admin"),
        ("X-Forwarded", "for=6.6.6.6"),
    ]
    told = ask(address, [*PROXY, *twins, *more])
    assert told["told"] == {}
    assert told["real_ip"] is None
    assert told["remote_addr"] == "127.0.0.1"
    assert told["url"] == f"http://{address.authority}/who"
    assert not told["is_secure"]


def test_a_trusted_proxy_is_believed(start_server: StartServer) -> None:
    address = free_tcp_address()
    server = serve(start_server, address, "--trusted-proxies", "127.0.0.1")
    told = ask(address, PROXY)
    assert told["remote_addr"] == "192.0.2.1"
    assert told["access_route"] == ["192.0.2.1"], "what the client has invented is left out"
    assert told["url"] == "https://shop.example/shop/who"
    assert (told["is_secure"], told["https"]) == (True, "on")
    assert told["server"] == ["shop.example", "443"]
    assert told["real_ip"] == "192.0.2.1"
    server.wait_for_output(r'(?m)^192\.0\.2\.1 - - \[.*"GET /who HTTP/1\.1" 200 ')


def test_a_trusted_proxy_that_says_nothing_changes_nothing(start_server: StartServer) -> None:
    address = free_tcp_address()
    serve(start_server, address, "--trusted-proxies", "127.0.0.1")
    told = ask(address, [])
    assert (told["remote_addr"], told["url"]) == ("127.0.0.1", f"http://{address.authority}/who")
    assert told["server"] == ["127.0.0.1", str(address.port)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("X-Forwarded-Port", "8443")], {"url": "http://a.example:8443/who"}),
        ([("X-Forwarded-Host", "b:81")], {"url": "http://b:81/who", "server": ["b", "81"]}),
        ([("X-Forwarded-Host", "b/c")], {"host": "a.example", "told": {}}),
        ([("X-Forwarded-Proto", "https")], {"server": ["127.0.0.1", "443"], "host": "a.example"}),
        ([("X-Forwarded-Proto", "ftp")], {"url": "http://a.example/who", "told": {}}),
        ([("X-Forwarded-Prefix", "/")], {"root": ""}),
        ([("X-Forwarded-Prefix", "//evil")], {"root": "", "told": {}}),
        ([("X-Forwarded-For", "nonsense")], {"remote_addr": "127.0.0.1", "told": {}}),
        ([("X-Forwarded-For", "unknown")], {"remote_addr": ""}),
        ([("X-Forwarded-For", "[2001:db8::1]:4711")], {"remote_addr": "2001:db8::1"}),
        (
            [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "127.0.0.1")],
            {"remote_addr": "192.0.2.1", "told": {"HTTP_X_FORWARDED_FOR": "192.0.2.1, 127.0.0.1"}},
        ),
        ([("X-Forwarded-Ssl", "on")], {"told": {"HTTP_X_FORWARDED_SSL": "on"}}),
        ([("Forwarded", "for=6.6.6.6")], {"remote_addr": "127.0.0.1", "told": {}}),
    ],
)
def test_each_field_counts_by_itself_when_it_is_valid(
    fields: Fields, expected: dict[str, Any], believing: Address
) -> None:
    told = ask(believing, [("Host", "a.example"), *fields])
    assert {name: told[name] for name in expected} == expected


@pytest.fixture(scope="module")
def believing(start_server_for_session: StartServer) -> Address:
    """A server that believes what peers on this machine say."""
    address = free_tcp_address()
    serve(start_server_for_session, address, "--trusted-proxies", "127.0.0.0/8", "--workers", "1")
    return address


def test_forwarded_is_read_when_it_is_chosen(start_server: StartServer) -> None:
    address = free_tcp_address()
    chosen = ("--trusted-proxies", "127.0.0.1", "--forwarded-headers", "forwarded")
    serve(start_server, address, *chosen)
    value = 'for="6.6.6.6:"x, for="[2001:db8::7]:80";proto=https;host="shop.example:8443"'
    told = ask(address, [*PROXY, ("Forwarded", value)])
    assert told["remote_addr"] == "2001:db8::7"
    assert told["url"] == "https://shop.example:8443/who"
    assert told["told"] == {"HTTP_FORWARDED": value.partition(", ")[2]}


def test_proxy_fix_in_the_app_changes_nothing_behind_one_proxy(start_server: StartServer) -> None:
    address = free_tcp_address()
    serve(start_server, address, "--trusted-proxies", "127.0.0.1", app="fixed")
    told = ask(address, PROXY)
    assert told["remote_addr"] == "192.0.2.1"
    assert told["url"] == "https://shop.example/shop/who"


def test_proxy_fix_in_the_app_sees_nothing_of_an_untrusted_peer(start_server: StartServer) -> None:
    address = free_tcp_address()
    serve(start_server, address, app="fixed")
    told = ask(address, PROXY)
    assert (told["remote_addr"], told["is_secure"]) == ("127.0.0.1", False)


@pytest.mark.parametrize(
    ("arguments", "client", "logged"),
    [((), "", "unix"), (("--trusted-proxies", "unix"), "192.0.2.1", r"192\.0\.2\.1")],
)
def test_a_peer_on_a_unix_socket_has_no_address_and_may_be_trusted(
    arguments: tuple[str, ...],
    client: str,
    logged: str,
    start_server: StartServer,
    tmp_path: Path,
) -> None:
    address = UnixAddress(tmp_path / "server.sock")
    server = serve(start_server, address, *arguments)
    told = ask(address, PROXY)
    assert told["remote_addr"] == client
    assert told["is_secure"] == bool(arguments)
    server.wait_for_output(rf'(?m)^{logged} - - \[.*"GET /who HTTP/1\.1" 200 ')


def test_an_access_log_in_json_names_the_client(start_server: StartServer) -> None:
    address = free_tcp_address()
    chosen = ("--trusted-proxies", "127.0.0.1", "--log-format", "json")
    server = serve(start_server, address, *chosen)
    ask(address, [("X-Forwarded-For", "unknown")])
    line = server.wait_for_output(r'(?m)^\{.*"event":"request".*\}$')
    assert json.loads(line[0])["client"] == "unknown"


V2_LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", ""),
        (V2_LOCAL, "192.0.2.1"),
    ],
)
def test_a_proxy_header_names_the_client_of_a_connection(
    header: bytes, client: str, start_server: StartServer
) -> None:
    address = free_tcp_address()
    serve(start_server, address, "--proxy-protocol", "--trusted-proxies", "127.0.0.1")
    assert ask(address, PROXY, before=header)["remote_addr"] == client


def test_a_connection_without_a_proxy_header_is_closed_and_logged(
    start_server: StartServer,
) -> None:
    address = free_tcp_address()
    server = serve(start_server, address, "--proxy-protocol", "--trusted-proxies", "127.0.0.1")
    with Wire(address) as wire:
        wire.request("GET", "/who")
        assert wire.is_closed()
    server.wait_for_output(r'(?m)^127\.0\.0\.1 - - \[.*"- proxy-header-missing -" 400 0 ')
