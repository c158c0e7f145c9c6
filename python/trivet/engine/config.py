"""What the engine is told, computed from the settings; the compiled side reads it by name."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from trivet.settings.table import Settings


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """Settings in the engine's units: seconds, bytes. The Rust struct has the same fields."""

    threads: int
    keep_alive: float
    header_timeout: float
    body_timeout: float
    write_timeout: float
    request_line_limit: int
    header_limit: int
    header_count_limit: int
    body_limit: int
    root_path: str
    url_scheme: str
    server_header: str
    trusted_proxies: tuple[str, ...]
    forwarded_headers: str
    proxy_protocol: bool
    access_log: bool
    access_log_format: Literal["text", "json", "logfmt"]
    multiprocess: bool


#: How lines of the access log look; other formats of the log make no difference to them.
ACCESS_LOG_FORMATS: dict[str, Literal["json", "logfmt"]] = {"json": "json", "logfmt": "logfmt"}

#: Fields that are no setting of their own.
DERIVED_FIELDS = ("access_log_format", "multiprocess")


def engine_config(settings: Settings, *, multiprocess: bool) -> EngineConfig:
    """The engine's configuration; `multiprocess` says whether other processes serve the sockets."""
    return EngineConfig(
        threads=settings.threads,
        keep_alive=settings.keep_alive,
        header_timeout=settings.header_timeout,
        body_timeout=settings.body_timeout,
        write_timeout=settings.write_timeout,
        request_line_limit=settings.request_line_limit,
        header_limit=settings.header_limit,
        header_count_limit=settings.header_count_limit,
        body_limit=settings.body_limit,
        root_path=settings.root_path,
        url_scheme=settings.url_scheme,
        server_header=settings.server_header,
        trusted_proxies=settings.trusted_proxies,
        forwarded_headers=settings.forwarded_headers,
        proxy_protocol=settings.proxy_protocol,
        access_log=settings.access_log,
        access_log_format=ACCESS_LOG_FORMATS.get(settings.log_format, "text"),
        multiprocess=multiprocess,
    )
