"""nginx and HAProxy in front, as people have them, and whom a Flask app sees behind them."""

import http.client
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TESTS, StartServer
from tests.serving.addresses import Address, TcpAddress, UnixAddress, free_tcp_address
from tests.serving.process import ServerProcess

StartCommand = Callable[..., ServerProcess]

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: `make setup`")
needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed: `make setup`")

pytestmark = pytest.mark.system

#: On Linux all of 127.0.0.0/8 is this machine: so the client can be told from the proxies.
CLIENT = "127.0.0.2"
SECOND_PROXY = "127.0.0.4"

#: As docs/guides/behind-a-proxy.md has it.
FIELDS = """
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Forwarded-Prefix "";
    proxy_set_header X-Request-Id $request_id;
    proxy_set_header X-Request-Start "t=${msec}";
"""


def serve(start_server: StartServer, address: Address, *arguments: str) -> ServerProcess:
    return start_server(
        "trivet",
        "behind_proxy:app",
        TESTS / "apps",
        addresses=[address],
        extra_arguments=arguments,
    )


def start_nginx(
    start_command: StartCommand, folder: Path, addresses: list[TcpAddress], servers: str
) -> None:
    assert NGINX is not None
    temporary = "".join(
        f"{name}_temp_path {folder};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{ worker_connections 64; }}\n"
        f"http {{ access_log off; {temporary}\n{servers} }}\n"
    )
    command = [NGINX, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    start_command(command, folder, addresses).wait_until_listening()


def start_haproxy(
    start_command: StartCommand, folder: Path, front: TcpAddress, back: TcpAddress, options: str
) -> None:
    assert HAPROXY is not None
    (folder / "haproxy.cfg").write_text(
        "global\n    maxconn 64\n"
        "defaults\n    mode tcp\n    timeout connect 10s\n    timeout client 30s\n"
        "    timeout server 30s\n"
        f"listen shop\n    bind {front.bind}\n    server trivet {back.bind} {options}\n"
    )
    command = [HAPROXY, "-db", "-f", str(folder / "haproxy.cfg")]
    start_command(command, folder, [front]).wait_until_listening()


def ask(front: TcpAddress, **fields: str) -> dict[str, Any]:
    """Ask twice on one connection, and return what the app was told the second time."""
    connection = http.client.HTTPConnection(
        front.host, front.port, timeout=30, source_address=(CLIENT, 0)
    )
    try:
        for _ in range(2):
            headers = {name.replace("_", "-"): value for name, value in fields.items()}
            connection.request("GET", "/who", headers={"Host": "shop.example", **headers})
            body = connection.getresponse().read()
        told: dict[str, Any] = json.loads(body)
        return told
    finally:
        connection.close()


@needs_nginx
def test_behind_nginx_on_a_unix_socket(
    start_server: StartServer, start_command: StartCommand, tmp_path: Path
) -> None:
    front, back = free_tcp_address(), UnixAddress(tmp_path / "trivet.sock")
    server = serve(start_server, back, "--trusted-proxies", "unix")
    start_nginx(
        start_command,
        tmp_path,
        [front],
        f"upstream shop {{ server unix:{back.path}; keepalive 4; }}\n"
        f"server {{ listen {front.bind}; location / {{ proxy_pass http://shop; {FIELDS} }} }}",
    )
    evil = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "evil"}
    told = ask(front, **evil, X_Forwarded_Prefix="/evil", Forwarded="for=6.6.6.6")
    assert told["remote_addr"] == CLIENT
    assert told["access_route"] == [CLIENT]
    assert told["url"] == f"http://shop.example:{front.port}/who"
    assert "HTTP_FORWARDED" not in told["told"]
    server.wait_for_output(rf'(?m)^{CLIENT} - - \[.*"GET /who HTTP/1\.1" 200 ')


@needs_nginx
def test_the_id_and_the_time_that_nginx_gives_are_in_the_log(
    start_server: StartServer, start_command: StartCommand, tmp_path: Path
) -> None:
    front, back = free_tcp_address(), free_tcp_address()
    format = "GOT %(request_id)s %(proxy_queue)s"
    trusted = ("--trusted-proxies", "127.0.0.1")
    server = serve(start_server, back, *trusted, "--access-log-format", format)
    fields = FIELDS.replace("$request_id", "nginx-$request_id")
    start_nginx(
        start_command,
        tmp_path,
        [front],
        f"server {{ listen {front.bind}; location / {{ proxy_pass http://{back.authority};"
        f" {fields} }} }}",
    )
    ask(front, X_Request_Id="forged", X_Request_Start="t=1")
    server.wait_for_output(r"(?m)^GOT nginx-[0-9a-f]{32} \d+\.\d{6}$")
    assert "forged" not in server.output


@needs_nginx
def test_behind_two_nginx(
    start_server: StartServer, start_command: StartCommand, tmp_path: Path
) -> None:
    first, second, back = free_tcp_address(), free_tcp_address(), free_tcp_address()
    serve(start_server, back, "--trusted-proxies", f"127.0.0.1, {SECOND_PROXY}")
    does_tls = FIELDS.replace("$scheme", "https")
    passes_on = """
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto "$http_x_forwarded_proto, http";
    """
    start_nginx(
        start_command,
        tmp_path,
        [first, second],
        f"server {{ listen {first.bind}; location / {{ proxy_pass http://{second.bind};"
        f" proxy_bind {SECOND_PROXY}; {does_tls} }} }}\n"
        f"server {{ listen {second.bind};"
        f" location / {{ proxy_pass http://{back.bind}; {passes_on} }} }}",
    )
    told = ask(first, X_Forwarded_For="6.6.6.6")
    assert told["remote_addr"] == CLIENT
    assert told["access_route"] == [CLIENT, SECOND_PROXY]
    assert told["is_secure"]


@needs_nginx
def test_behind_nginx_that_writes_forwarded(
    start_server: StartServer, start_command: StartCommand, tmp_path: Path
) -> None:
    front, back = free_tcp_address(), free_tcp_address()
    chosen = ("--trusted-proxies", "127.0.0.1", "--forwarded-headers", "forwarded")
    serve(start_server, back, *chosen)
    forwarded = (
        '"$http_forwarded, for=\\"$remote_addr:$remote_port\\";proto=https;host=$host;by=_nginx"'
    )
    start_nginx(
        start_command,
        tmp_path,
        [front],
        f"server {{ listen {front.bind}; location / {{ proxy_pass http://{back.bind};"
        f" proxy_set_header Forwarded {forwarded}; }} }}",
    )
    told = ask(front, Forwarded='for=6.6.6.6;host="evil', X_Forwarded_For="6.6.6.6")
    assert told["remote_addr"] == CLIENT
    assert told["url"] == "https://shop.example/who"
    assert list(told["told"]) == ["HTTP_FORWARDED"]


@needs_haproxy
@pytest.mark.parametrize(
    "options",
    ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id check"],
    ids=["version-1", "version-2", "version-2-with-checksum-and-health-checks"],
)
def test_behind_haproxy_with_the_proxy_protocol(
    options: str, start_server: StartServer, start_command: StartCommand, tmp_path: Path
) -> None:
    front, back = free_tcp_address(), free_tcp_address()
    server = serve(start_server, back, "--proxy-protocol", "--trusted-proxies", "127.0.0.1")
    start_haproxy(start_command, tmp_path, front, back, options)
    told = ask(front, X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https")
    assert told["remote_addr"] == CLIENT
    assert told["told"] == {}, "the client of a byte proxy is not trusted"
    assert not told["is_secure"]
    server.wait_for_output(rf'(?m)^{CLIENT} - - \[.*"GET /who HTTP/1\.1" 200 ')


@needs_haproxy
def test_haproxy_without_the_header_gets_no_answer(
    start_server: StartServer, start_command: StartCommand, tmp_path: Path
) -> None:
    front, back = free_tcp_address(), free_tcp_address()
    server = serve(start_server, back, "--proxy-protocol", "--trusted-proxies", "127.0.0.1")
    start_haproxy(start_command, tmp_path, front, back, "")
    with pytest.raises(http.client.RemoteDisconnected):
        ask(front)
    server.wait_for_output("proxy-header-missing")
