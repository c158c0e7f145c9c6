"""What the engine is told, computed from the settings; the compiled side reads it by name."""

from __future__ import annotations

from dataclasses import dataclass

from trivet.settings.access_log_format import OWN_FORMATS, PRESETS, take_apart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from trivet.settings.access_log_format import Part
    from trivet.settings.table import Settings

    AccessLogForm = Literal["text", "json", "logfmt", "pattern", "json-pattern"]


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """Settings in the engine's units: seconds, bytes. The Rust struct has the same fields."""

    threads: int
    timeout: float
    slow: float
    live_path: str
    ready_path: str
    keep_alive: float
    header_timeout: float
    header_min_rate: int
    body_timeout: float
    body_min_rate: int
    write_timeout: float
    write_min_rate: int
    request_line_limit: int
    header_limit: int
    header_count_limit: int
    body_limit: int
    chunk_extension_limit: int
    trailer_limit: int
    worker_connections: int
    queue_limit: int
    requests_per_connection: int
    root_path: str
    url_scheme: str
    server_header: str
    trusted_proxies: tuple[str, ...]
    forwarded_headers: str
    proxy_protocol: bool
    request_id: str
    access_log: bool
    access_log_skip: tuple[str, ...]
    access_log_form: AccessLogForm
    access_log_pattern: tuple[Part, ...]
    multiprocess: bool


#: Fields that are no setting of their own.
DERIVED_FIELDS = ("access_log_form", "access_log_pattern", "multiprocess")


def connections_for(open_files: int) -> int:
    """How many connections a process has room for that may open so many files; 0 is no limit.

    The application opens files, too, and fails when there are none left: an eighth is for it, and
    at least 64 as long as that is not more than half.
    """
    if open_files < 0:  # RLIM_INFINITY
        return 0
    return max(1, open_files - min(max(open_files // 8, 64), open_files // 2))


def access_log_form(settings: Settings) -> tuple[AccessLogForm, tuple[Part, ...]]:
    """How lines of the access log look, with the parts of a format string if it is one."""
    format = settings.access_log_format
    if format == "auto":
        # Other formats of the log make no difference to these lines.
        format = settings.log_format if settings.log_format in OWN_FORMATS else "text"
    if format in OWN_FORMATS:
        return format, ()  # type: ignore[return-value]  # they are three of the five
    pattern = PRESETS.get(format, format)
    # Who makes objects of JSON has a reader that knows no other escapes.
    is_json = pattern.startswith("{") and pattern.endswith("}")
    return "json-pattern" if is_json else "pattern", take_apart(pattern)


def engine_config(settings: Settings, *, multiprocess: bool, open_files: int = -1) -> EngineConfig:
    """The engine's configuration; `multiprocess` says whether other processes serve the sockets.

    `open_files`: how many files this process may open, -1 for any number.
    """
    form, pattern = access_log_form(settings)
    return EngineConfig(
        threads=settings.threads,
        timeout=settings.timeout,
        slow=settings.slow,
        live_path=settings.live_path,
        ready_path=settings.ready_path,
        keep_alive=settings.keep_alive,
        header_timeout=settings.header_timeout,
        header_min_rate=settings.header_min_rate,
        body_timeout=settings.body_timeout,
        body_min_rate=settings.body_min_rate,
        write_timeout=settings.write_timeout,
        write_min_rate=settings.write_min_rate,
        request_line_limit=settings.request_line_limit,
        header_limit=settings.header_limit,
        header_count_limit=settings.header_count_limit,
        body_limit=settings.body_limit,
        chunk_extension_limit=settings.chunk_extension_limit,
        trailer_limit=settings.trailer_limit,
        worker_connections=settings.worker_connections or connections_for(open_files),
        queue_limit=settings.queue_limit,
        requests_per_connection=settings.requests_per_connection,
        root_path=settings.root_path,
        url_scheme=settings.url_scheme,
        server_header=settings.server_header,
        trusted_proxies=settings.trusted_proxies,
        forwarded_headers=settings.forwarded_headers,
        proxy_protocol=settings.proxy_protocol,
        request_id=settings.request_id,
        access_log=settings.access_log,
        access_log_skip=settings.access_log_skip,
        access_log_form=form,
        access_log_pattern=pattern,
        multiprocess=multiprocess,
    )
