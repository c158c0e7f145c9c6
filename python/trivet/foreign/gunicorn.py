"""Every setting of gunicorn 27.0.1: which of ours it is, or why none. A table.

A test compares it with gunicorn's own list; docs/reference/gunicorn-settings.md is made from it.
"""

from __future__ import annotations

from trivet.foreign.mapping import Instead, Leave, Row, addresses, peers, seconds, switch, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HOOK = "by dotted name, and called with one object of Trivet's (docs/guides/hooks.md)"

#: gunicorn's word for the most, and what 0 stands for.
LINE_LIMITS = (64, 1024 * 1024)
FIELD_LIMITS = (1024, 16 * 1024 * 1024)


def line_limit(value: object) -> object:
    """Bytes of the request line; 0 is no limit in gunicorn."""
    return _bytes(value, LINE_LIMITS)


def fields_limit(value: object) -> object:
    """Bytes of one header field in gunicorn: at least our default for all of them together."""
    found = _bytes(value, FIELD_LIMITS)
    if isinstance(found, str) and int(found.removesuffix("B")) <= 64 * 1024:
        return Leave("all headers together may have 64 KiB, which is no less")
    return found


def _bytes(value: object, limits: tuple[int, int]) -> object:
    number = whole(value)
    if not isinstance(number, int) or number < 0:
        raise ValueError("expected a number of bytes")
    return f"{min(max(number or limits[1], limits[0]), limits[1])}B"


def octal(value: object) -> object:
    """A umask as text: gunicorn has it as a number, or as text in octal."""
    return f"{value:03o}" if isinstance(value, int) else str(value)


def proxy_protocol(value: object) -> object:
    """off, v1, v2 or auto; True and False of older versions."""
    return value if isinstance(value, bool) else str(value).strip().lower() not in ("off", "false")


def access_log(value: object) -> object:
    """A file name, - for standard output, None for no access log."""
    if value in (None, ""):
        return Instead("access_log", False)
    return "-" if value == "/dev/stdout" else str(value)


def level(value: object) -> object:
    """critical is error here."""
    word = str(value).strip().lower()
    return "error" if word == "critical" else word


def statsd_prefix(value: object) -> object:
    """gunicorn puts its own name between the prefix and each name."""
    prefix = str(value).strip(".")
    return f"{prefix}.gunicorn" if prefix else "gunicorn"


def control_off(value: object) -> object:
    """True is no control socket."""
    return "off" if switch(value) else Leave("a control socket is the default")


def hook(value: object) -> object:
    """A function in the file, or gunicorn's name for one: either takes gunicorn's own objects."""
    return Leave(
        "it takes gunicorn's own objects; write a function that takes one object of Trivet's, and"
        " give its name as MODULE:FUNCTION (docs/guides/hooks.md)"
    )


_ROWS = (
    Row("config", reason="it names the file itself", flags=("-c", "--config")),
    Row("wsgi_app", "app", str),
    Row("bind", "bind", addresses, flags=("-b", "--bind")),
    Row("backlog", "backlog", whole, flags=("--backlog",)),
    Row("workers", "workers", whole, flags=("-w", "--workers")),
    Row(
        "worker_class",
        reason="there is one kind of worker, which makes threads as needed",
        flags=("-k", "--worker-class"),
    ),
    Row(
        "threads",
        "threads",
        whole,
        reason="here it is an upper limit: threads are made as needed",
        flags=("--threads",),
    ),
    Row(
        "worker_connections",
        reason="--threads limits requests; connections are not limited",
        flags=("--worker-connections",),
    ),
    Row("max_requests", "max_requests", whole, flags=("--max-requests",)),
    Row("max_requests_jitter", "max_requests_jitter", whole, flags=("--max-requests-jitter",)),
    Row(
        "timeout",
        "timeout",
        seconds,
        reason="here it is a deadline for each request",
        flags=("-t", "--timeout"),
    ),
    Row("graceful_timeout", "graceful_timeout", seconds, flags=("--graceful-timeout",)),
    Row("keepalive", "keep_alive", seconds, flags=("--keep-alive",)),
    Row("limit_request_line", "request_line_limit", line_limit, flags=("--limit-request-line",)),
    Row("limit_request_fields", "header_count_limit", whole, flags=("--limit-request-fields",)),
    Row(
        "limit_request_field_size",
        "header_limit",
        fields_limit,
        reason="here it is for all headers together",
        flags=("--limit-request-field_size",),
    ),
    Row(
        "reload", "reload", switch, reason="for trivet dev", flags=("--reload",), takes_value=False
    ),
    Row(
        "reload_engine", reason="trivet dev chooses by the file system", flags=("--reload-engine",)
    ),
    Row(
        "reload_extra_files",
        "reload_extra_files",
        addresses,
        reason="for trivet dev",
        flags=("--reload-extra-file",),
    ),
    Row("spew", reason="use a debugger or a profiler", flags=("--spew",), takes_value=False),
    Row(
        "check_config",
        reason="use `trivet settings`, which fails when a setting is wrong",
        flags=("--check-config",),
        takes_value=False,
    ),
    Row(
        "print_config", reason="use `trivet settings`", flags=("--print-config",), takes_value=False
    ),
    Row("preload_app", "preload", switch, flags=("--preload",), takes_value=False),
    Row(
        "sendfile",
        reason="Trivet uses sendfile only where the application asks for it",
        flags=("--no-sendfile",),
        takes_value=False,
        constant=False,
    ),
    Row(
        "reuse_port",
        reason="the workers share one listening socket",
        flags=("--reuse-port",),
        takes_value=False,
    ),
    Row("chdir", "chdir", str, flags=("--chdir",)),
    Row(
        "daemon",
        reason="the service manager (systemd, Docker, …) does that",
        flags=("-D", "--daemon"),
        takes_value=False,
    ),
    Row("raw_env", reason="set the variables before starting", flags=("-e", "--env")),
    Row("pidfile", "pid_file", str, flags=("-p", "--pid")),
    Row(
        "worker_tmp_dir",
        reason="workers report over a pipe and never through files",
        flags=("--worker-tmp-dir",),
    ),
    Row("user", "user", str, flags=("-u", "--user")),
    Row("group", "group", str, flags=("-g", "--group")),
    Row("umask", "umask", octal, flags=("-m", "--umask")),
    Row(
        "initgroups",
        reason="the service manager (systemd, Docker, …) does that",
        flags=("--initgroups",),
        takes_value=False,
    ),
    Row("tmp_upload_dir", reason="nothing is buffered in files"),
    Row("secure_scheme_headers", reason="X-Forwarded-Proto or Forwarded of trusted_proxies counts"),
    Row(
        "forwarded_allow_ips",
        "trusted_proxies",
        peers,
        reason="sets REMOTE_ADDR too; never *",
        flags=("--forwarded-allow-ips",),
    ),
    Row(
        "accesslog",
        "access_log_file",
        access_log,
        reason="None is access_log = false; Trivet's is on by default",
        flags=("--access-logfile",),
    ),
    Row(
        "disable_redirect_access_to_syslog",
        reason="Trivet writes to standard output; the service manager takes it to syslog",
        flags=("--disable-redirect-access-to-syslog",),
        takes_value=False,
    ),
    Row("access_log_format", "access_log_format", str, flags=("--access-logformat",)),
    Row("errorlog", "log_file", str, flags=("--error-logfile", "--log-file")),
    Row("loglevel", "log_level", level, flags=("--log-level",)),
    Row(
        "capture_output",
        "worker_output",
        lambda value: "tagged" if value else "raw",
        reason="lines of workers go to the log, each with the number of its worker",
        flags=("--capture-output",),
        takes_value=False,
    ),
    Row(
        "logger_class",
        reason="configure your application's logging in the application",
        flags=("--logger-class",),
    ),
    Row(
        "logconfig",
        reason="configure your application's logging in the application",
        flags=("--log-config",),
    ),
    Row("logconfig_dict", reason="configure your application's logging in the application"),
    Row(
        "logconfig_json",
        reason="configure your application's logging in the application",
        flags=("--log-config-json",),
    ),
    Row(
        "syslog_addr",
        reason="Trivet writes to standard output; the service manager takes it to syslog",
        flags=("--log-syslog-to",),
    ),
    Row(
        "syslog",
        reason="Trivet writes to standard output; the service manager takes it to syslog",
        flags=("--log-syslog",),
        takes_value=False,
    ),
    Row(
        "syslog_prefix",
        reason="Trivet writes to standard output; the service manager takes it to syslog",
        flags=("--log-syslog-prefix",),
    ),
    Row(
        "syslog_facility",
        reason="Trivet writes to standard output; the service manager takes it to syslog",
        flags=("--log-syslog-facility",),
    ),
    Row(
        "enable_stdio_inheritance",
        reason="Trivet logs to standard output and standard error, which you can redirect",
        flags=("-R", "--enable-stdio-inheritance"),
        takes_value=False,
    ),
    Row(
        "statsd_host",
        "statsd",
        addresses,
        flags=("--statsd-host",),
        implies=("statsd_prefix", "gunicorn"),
    ),
    Row("dogstatsd_tags", "statsd_tags", str, flags=("--dogstatsd-tags",)),
    Row(
        "statsd_prefix",
        "statsd_prefix",
        statsd_prefix,
        reason="with .gunicorn at its end, so that all names stay what they are",
        flags=("--statsd-prefix",),
    ),
    Row(
        "enable_backlog_metric",
        reason="the length of the backlog is not told; queue.duration is what requests wait",
        flags=("--enable-backlog-metric",),
        takes_value=False,
    ),
    Row("proc_name", reason="processes are not renamed", flags=("-n", "--name")),
    Row("default_proc_name", reason="processes are not renamed"),
    Row("pythonpath", "pythonpath", addresses, flags=("--pythonpath",)),
    Row("paste", reason="give the application as module:attribute", flags=("--paste", "--paster")),
    Row("on_starting", "on_starting", hook, reason=HOOK),
    Row("on_reload", "on_reload", hook, reason=HOOK),
    Row("when_ready", "when_ready", hook, reason=HOOK),
    Row("pre_fork", "pre_fork", hook, reason=HOOK),
    Row("post_fork", "post_fork", hook, reason=HOOK),
    Row("post_worker_init", "post_worker_init", hook, reason=HOOK),
    Row("worker_int", "worker_int", hook, reason=HOOK),
    Row("worker_abort", "worker_abort", hook, reason=HOOK),
    Row("pre_exec", "pre_exec", hook, reason=HOOK),
    Row(
        "pre_request",
        reason="it would cost every request; a WSGI middleware around the application does it",
    ),
    Row(
        "post_request",
        reason="it would cost every request; a WSGI middleware around the application does it",
    ),
    Row("child_exit", "child_exit", hook, reason=HOOK),
    Row("worker_exit", "worker_exit", hook, reason=HOOK),
    Row("nworkers_changed", "nworkers_changed", hook, reason=HOOK),
    Row("on_exit", "on_exit", hook, reason=HOOK),
    Row("ssl_context", reason="there is no TLS yet; put a proxy in front"),
    Row(
        "proxy_protocol",
        "proxy_protocol",
        proxy_protocol,
        reason="versions 1 and 2 are both read",
        flags=("--proxy-protocol",),
    ),
    Row(
        "proxy_allow_ips", "trusted_proxies", peers, reason="never *", flags=("--proxy-allow-from",)
    ),
    Row("protocol", reason="Trivet speaks HTTP only", flags=("--protocol",)),
    Row("uwsgi_allow_ips", reason="Trivet speaks HTTP only", flags=("--uwsgi-allow-from",)),
    Row(
        "keyfile",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--keyfile",),
    ),
    Row(
        "certfile",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--certfile",),
    ),
    Row(
        "ssl_version",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--ssl-version",),
    ),
    Row(
        "cert_reqs",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--cert-reqs",),
    ),
    Row(
        "ca_certs",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--ca-certs",),
    ),
    Row(
        "suppress_ragged_eofs",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--suppress-ragged-eofs",),
        takes_value=False,
    ),
    Row(
        "do_handshake_on_connect",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--do-handshake-on-connect",),
        takes_value=False,
    ),
    Row(
        "ciphers",
        reason="Trivet does not do TLS yet; put a proxy in front and use --url-scheme https",
        flags=("--ciphers",),
    ),
    Row("http_protocols", reason="Trivet speaks HTTP/1.1 only so far", flags=("--http-protocols",)),
    Row(
        "http2_cleartext", reason="Trivet speaks HTTP/1.1 only so far", flags=("--http2-cleartext",)
    ),
    Row(
        "http2_max_concurrent_streams",
        reason="Trivet speaks HTTP/1.1 only so far",
        flags=("--http2-max-concurrent-streams",),
    ),
    Row(
        "http2_initial_window_size",
        reason="Trivet speaks HTTP/1.1 only so far",
        flags=("--http2-initial-window-size",),
    ),
    Row(
        "http2_max_frame_size",
        reason="Trivet speaks HTTP/1.1 only so far",
        flags=("--http2-max-frame-size",),
    ),
    Row(
        "http2_max_header_list_size",
        reason="Trivet speaks HTTP/1.1 only so far",
        flags=("--http2-max-header-list-size",),
    ),
    Row(
        "raw_paste_global_conf",
        reason="give the application as module:attribute",
        flags=("--paste-global",),
    ),
    Row(
        "permit_obsolete_folding",
        reason="Trivet follows RFC 9112 and has no switches to weaken it",
        flags=("--permit-obsolete-folding",),
        takes_value=False,
    ),
    Row(
        "strip_header_spaces",
        reason="Trivet follows RFC 9112 and has no switches to weaken it",
        flags=("--strip-header-spaces",),
        takes_value=False,
    ),
    Row(
        "permit_unconventional_http_method",
        reason="Trivet follows RFC 9112 and has no switches to weaken it",
        flags=("--permit-unconventional-http-method",),
        takes_value=False,
    ),
    Row(
        "permit_unconventional_http_version",
        reason="Trivet follows RFC 9112 and has no switches to weaken it",
        flags=("--permit-unconventional-http-version",),
        takes_value=False,
    ),
    Row(
        "casefold_http_method",
        reason="Trivet follows RFC 9112 and has no switches to weaken it",
        flags=("--casefold-http-method",),
        takes_value=False,
    ),
    Row(
        "forwarder_headers",
        reason="X-Forwarded-Prefix of --trusted-proxies counts",
        flags=("--forwarder-headers",),
    ),
    Row(
        "header_map",
        reason="Trivet follows RFC 9112 and has no switches to weaken it",
        flags=("--header-map",),
    ),
    Row("asgi_loop", reason="Trivet does not serve ASGI applications yet", flags=("--asgi-loop",)),
    Row(
        "asgi_lifespan",
        reason="Trivet does not serve ASGI applications yet",
        flags=("--asgi-lifespan",),
    ),
    Row(
        "asgi_disconnect_grace_period",
        reason="Trivet does not serve ASGI applications yet",
        flags=("--asgi-disconnect-grace-period",),
    ),
    Row(
        "websocket_max_message_size",
        reason="Trivet does not serve ASGI applications yet",
        flags=("--websocket-max-message-size",),
    ),
    Row("http_parser", reason="Trivet has one parser", flags=("--http-parser",)),
    Row("root_path", "root_path", str, flags=("--root-path",)),
    Row("dirty_apps", reason="Trivet has no dirty workers", flags=("--dirty-app",)),
    Row("dirty_workers", reason="Trivet has no dirty workers", flags=("--dirty-workers",)),
    Row("dirty_timeout", reason="Trivet has no dirty workers", flags=("--dirty-timeout",)),
    Row("dirty_threads", reason="Trivet has no dirty workers", flags=("--dirty-threads",)),
    Row(
        "dirty_graceful_timeout",
        reason="Trivet has no dirty workers",
        flags=("--dirty-graceful-timeout",),
    ),
    Row("on_dirty_starting", reason="Trivet has no dirty workers"),
    Row("dirty_post_fork", reason="Trivet has no dirty workers"),
    Row("dirty_worker_init", reason="Trivet has no dirty workers"),
    Row("dirty_worker_exit", reason="Trivet has no dirty workers"),
    Row("control_socket", "control", str, flags=("--control-socket",)),
    Row("control_socket_mode", reason="it is always 0600", flags=("--control-socket-mode",)),
    Row(
        "control_socket_disable",
        "control",
        control_off,
        flags=("--no-control-socket",),
        takes_value=False,
    ),
)

#: gunicorn's name → the row.
SETTINGS: Mapping[str, Row] = {row.name: row for row in _ROWS}
