"""Every setting of waitress 3: which of ours it is, or why none. A table, compared by a test."""

from __future__ import annotations

from trivet.foreign.mapping import Leave, Row, addresses, peers, seconds, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

INTERNAL = "it steers waitress's own loop"


def everywhere(value: object) -> object:
    """`*` is every address, as in :8080."""
    found = addresses(value)
    assert isinstance(found, list), "addresses gives a list"
    return [one.replace("*:", ":") for one in found]


def prefix(value: object) -> object:
    """waitress adds the slash that is missing."""
    text = str(value).strip("/")
    return f"/{text}" if text else ""


def headers(value: object) -> object:
    """A list of field names; ours are two families."""
    return "forwarded" if str(value).strip().lower() == "forwarded" else "x-forwarded"


def body(value: object) -> object:
    """1 GiB is waitress's default."""
    return f"{whole(value)}B"


_ROWS = (
    Row("use", reason="it names waitress"),
    Row("host", "host", str),
    Row("port", "port", whole),
    Row("listen", "bind", everywhere),
    Row("unix_socket", "bind", lambda value: [f"unix:{value}"]),
    Row("unix_socket_perms", reason="the socket's directory decides who may connect"),
    Row("threads", "threads", whole, reason="here it is an upper limit"),
    Row("backlog", "backlog", whole),
    Row("url_scheme", "url_scheme", str),
    Row("url_prefix", "root_path", prefix),
    Row("ident", "server_header", str),
    Row("server_name", reason="SERVER_NAME is the address that was connected to"),
    Row("trusted_proxy", "trusted_proxies", peers, reason="never *"),
    Row("trusted_proxy_headers", "forwarded_headers", headers),
    Row("trusted_proxy_count", reason="hops are counted by trusted_proxies, from the right"),
    Row("log_untrusted_proxy_headers", reason="untrusted fields are removed"),
    Row("clear_untrusted_proxy_headers", reason="untrusted fields are always removed"),
    Row("channel_timeout", "keep_alive", seconds),
    Row("max_request_header_size", "header_limit", lambda value: f"{max(1024, int(str(value)))}B"),
    Row("max_request_body_size", "body_limit", body),
    Row("ipv4", reason="host and bind say which addresses"),
    Row("ipv6", reason="host and bind say which addresses"),
    Row("connection_limit", reason="connections are limited by the open files of the process"),
    Row("expose_tracebacks", "refresh", lambda value: Leave("use trivet dev for error pages")),
    Row("log_socket_errors", reason="clients that leave are no errors"),
    Row("sockets", reason="fd://NUMBER in bind is a socket that is already open"),
    *(
        Row(name, reason=INTERNAL)
        for name in (
            *("recv_bytes", "send_bytes", "outbuf_overflow", "outbuf_high_watermark"),
            *("inbuf_overflow", "cleanup_interval", "asyncore_loop_timeout", "asyncore_use_poll"),
            *("channel_request_lookahead", "map"),
        )
    ),
)

#: waitress's name → the row.
SETTINGS: Mapping[str, Row] = {row.name: row for row in _ROWS}
