"""Options of uWSGI that its guides use: which of ours each is, or why none. A table, not complete.

uWSGI has about a thousand; one that is not here is told to be unknown.
"""

from __future__ import annotations

from trivet.foreign.mapping import Leave, Row, addresses, seconds, switch, whole
from trivet.foreign.uwsgi_log_format import log_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SPEAKS_HTTP = "Trivet speaks HTTP: let the proxy in front pass on HTTP (proxy_pass, not uwsgi_pass)"
ALWAYS = "it is always so"
PROXY_SERVES_FILES = "let the proxy in front, or the application, serve files"
SERVICE_MANAGER = "the service manager (systemd, Docker, …) does that"
NO_GEVENT = "there are threads, made as needed"
OUTPUT = (
    "access_log_file is the file of the access log, log_file that of Trivet's own messages; what"
    " the app prints goes to standard output and standard error, which you can redirect"
)
NOT_A_TASK = "run it as a service of its own"
WORKERS_SCALE = "min_workers and max_workers let the number of workers follow the load"


def bound(value: object) -> object:
    """uWSGI takes a path without unix: for a socket."""
    found = addresses(value)
    assert isinstance(found, list), "addresses gives a list"
    return [f"unix:{one}" if one.startswith(("/", "./")) else one for one in found]


def harakiri(value: object) -> object:
    """Seconds; 0 is none."""
    return seconds(value)


def logging_off(value: object) -> object:
    """disable-logging = true is no access log."""
    return False if switch(value) else Leave("the access log is the default")


def request_log(value: object) -> object:
    """file:PATH, perhaps with the name of a logger in front."""
    name, is_plugin, path = str(value).split()[-1].partition(":")
    if name != "file" or not is_plugin or path.startswith("logfile="):
        return Leave("access_log_file takes the path of a file")
    return path


def socket_mode(value: object) -> object:
    """Without a number, everybody."""
    return "666" if value in ("", True) else str(value)


def wsgi_module(value: object) -> object:
    """shop:app, or shop, whose application is called by `callable`."""
    return str(value)


def _none(reason: str, *names: str) -> tuple[Row, ...]:
    return tuple(Row(name, reason=reason) for name in names)


_ROWS = (
    *(Row(name, "bind", bound) for name in ("http", "http-socket")),
    *_none(SPEAKS_HTTP, "socket", "uwsgi-socket", "s", "protocol", "fastcgi-socket", "scgi-socket"),
    *(Row(name, "app", wsgi_module) for name in ("module", "wsgi", "w", "wsgi-file", "file")),
    Row("callable", reason='write it behind the module: app = "module:callable"'),
    Row("mount", reason="give the application as module:attribute, and the prefix as root_path"),
    Row("manage-script-name", reason="root_path is the prefix"),
    *(Row(name, "workers", whole) for name in ("processes", "workers", "p")),
    Row("threads", "threads", whole, reason="here it is an upper limit"),
    Row("listen", "backlog", whole),
    *(Row(name, "timeout", harakiri) for name in ("harakiri",)),
    *(Row(name, "graceful_timeout", seconds) for name in ("worker-reload-mercy", "reload-mercy")),
    Row("max-requests", "max_requests", whole),
    Row("max-requests-delta", "max_requests_jitter", whole),
    Row("max-worker-lifetime", "max_age", seconds),
    Row("reload-on-rss", "max_memory", lambda value: f"{value}MiB"),
    Row("evil-reload-on-rss", "max_memory", lambda value: f"{value}MiB"),
    Row("buffer-size", "header_limit", lambda value: Leave("heads may have 64 KiB")),
    Row("limit-post", "body_limit", lambda value: f"{value}B"),
    Row("disable-logging", "access_log", logging_off),
    Row("http-keepalive", "keep_alive", lambda value: Leave("connections are kept open anyway")),
    Row("http-timeout", "body_timeout", seconds),
    Row("socket-timeout", "body_timeout", seconds),
    Row("chdir", "chdir", str),
    *(Row(name, "pythonpath", addresses) for name in ("pythonpath", "python-path", "pp")),
    *(Row(name, "user", str) for name in ("uid",)),
    *(Row(name, "group", str) for name in ("gid",)),
    *(Row(name, "pid_file", str) for name in ("pidfile", "safe-pidfile")),
    Row("umask", "umask", str),
    Row("py-autoreload", reason="use trivet dev"),
    *_none("use trivet reload", "touch-reload", "touch-chain-reload", "master-fifo"),
    *_none(ALWAYS, "master", "M", "enable-threads", "single-interpreter", "need-app", "vacuum"),
    *_none(ALWAYS, "die-on-term", "lazy", "lazy-apps", "thunder-lock", "no-orphans", "strict"),
    *_none(ALWAYS, "ignore-sigpipe", "ignore-write-errors", "disable-write-exception"),
    *_none(ALWAYS, "harakiri-verbose", "so-keepalive", "tcp-nodelay", "close-on-exec", "max-fd"),
    *_none(
        ALWAYS, "http-auto-chunked", "http-chunked-input", "http-raw-body", "wsgi-accept-buffer"
    ),
    *_none(PROXY_SERVES_FILES, "static-map", "static-map2", "check-static", "static-index"),
    *_none(PROXY_SERVES_FILES, "static-expires", "static-gzip-all", "offload-threads"),
    *_none(SERVICE_MANAGER, "daemonize", "daemonize2", "emperor", "vassals-include", "limit-as"),
    *_none(SERVICE_MANAGER, "cpu-affinity", "exec-asap", "hook-pre-app", "attach-daemon"),
    *_none(
        "the worker's environment is that of trivet: start it from the virtual environment",
        "virtualenv",
        "venv",
        "home",
        "H",
        "plugin",
        "plugins",
        "plugins-dir",
    ),
    *_none("set the variables before starting", "env"),
    *(Row(name, "access_log_file", request_log) for name in ("req-logger", "logger-req")),
    *(Row(name, "access_log_format", log_format) for name in ("log-format", "logformat")),
    *_none(OUTPUT, "logto", "logto2", "logger", "log-master", "log-date"),
    *_none("USR1 opens log files again, as logrotate needs it", "log-reopen", "log-maxsize"),
    *_none("trivet ps and the metrics page tell that", "memory-report"),
    *_none("the access log has every request", "log-4xx", "log-5xx"),
    Row("log-slow", reason="slow is the time after which a request is told of, with its stack"),
    Row("log-x-forwarded-for", reason="trusted_proxies names the proxies that are believed"),
    *_none(
        NO_GEVENT, "gevent", "gevent-monkey-patch", "async", "ugreen", "asyncio", "http-websockets"
    ),
    *_none(NOT_A_TASK, "mule", "mules", "spooler", "cron", "cron2", "unique-cron"),
    *_none(WORKERS_SCALE, "cheaper", "cheaper-initial", "cheaper-step", "cheaper-algo"),
    *_none("trivet ps and top tell that", "stats", "stats-server", "stats-http"),
    *_none("processes are not renamed", "auto-procname", "procname", "procname-prefix"),
    *(Row(name, "socket_mode", socket_mode) for name in ("chmod-socket", "chmod")),
    *_none("Unix sockets belong to user and group, where these are given", "chown-socket"),
    *_none("there is no TLS yet; put a proxy in front", "https", "https-socket", "http-to-https"),
    *_none("the proxy in front, or the application, does that", "route", "add-header", "cache2"),
    *_none("bodies are streamed", "post-buffering", "post-buffering-bufsize"),
)

#: uWSGI's name → the row.
SETTINGS: Mapping[str, Row] = {row.name: row for row in _ROWS}
