"""A setting means the same in all its spellings: flag, variable, key of a file, keyword."""

from pathlib import Path

import pytest

from trivet.cli.flags import parse_flags
from trivet.settings.kinds import Switch
from trivet.settings.resolve import resolve
from trivet.settings.table import SPECS, Spec

# A text for every setting that is not its default. A new setting needs one here.
EXAMPLES = {
    "app": "shop:create_app()",
    "root_path": "/shop",
    "url_scheme": "https",
    "bind": "unix:shop.sock",
    "host": "::1",
    "port": "81",
    "backlog": "100",
    "trusted_proxies": "10.0.0.0/8",
    "forwarded_headers": "forwarded",
    "proxy_protocol": "on",
    "workers": "3",
    "min_workers": "2",
    "max_workers": "5",
    "threads": "7",
    "preload": "on",
    "max_requests": "1000",
    "max_requests_jitter": "100",
    "max_memory": "512MiB",
    "max_age": "12h",
    "control": "/run/shop/control.sock",
    "user": "shop",
    "group": "www-data",
    "umask": "0o27",
    "socket_mode": "0o660",
    "pid_file": "/run/shop.pid",
    "chdir": "/srv/shop",
    "pythonpath": "/srv/lib",
    "keep_alive": "5s",
    "header_timeout": "250ms",
    "body_timeout": "1m30s",
    "write_timeout": "2m",
    "timeout": "2m",
    "slow": "2s",
    "drain_delay": "5s",
    "live_path": "/healthz",
    "ready_path": "/readyz",
    "graceful_timeout": "0s",
    "request_line_limit": "4KiB",
    "header_limit": "1MiB",
    "header_count_limit": "50",
    "body_limit": "1GiB",
    "header_min_rate": "1KB",
    "body_min_rate": "0B",
    "write_min_rate": "1KiB",
    "chunk_extension_limit": "256B",
    "trailer_limit": "1KiB",
    "worker_connections": "1000",
    "queue_limit": "64",
    "requests_per_connection": "1000",
    "server_header": "shop",
    "request_id": "X-Correlation-Id",
    "access_log": "off",
    "access_log_skip": "/static/*",
    "access_log_file": "/var/log/shop-access.log",
    "access_log_format": "%(h)s %(s)s",
    "log_file": "/var/log/shop.log",
    "log_format": "json",
    "log_level": "debug",
    "worker_output": "tagged",
    "on_starting": "shop.hooks:on_starting",
    "on_reload": "shop.hooks:on_reload",
    "when_ready": "shop.hooks:when_ready",
    "pre_fork": "shop.hooks:pre_fork",
    "post_fork": "shop.hooks:post_fork",
    "post_worker_init": "shop.hooks:post_worker_init",
    "worker_int": "shop.hooks:worker_int",
    "worker_abort": "shop.hooks:worker_abort",
    "worker_exit": "shop.hooks:worker_exit",
    "child_exit": "shop.hooks:child_exit",
    "nworkers_changed": "shop.hooks:nworkers_changed",
    "pre_exec": "shop.hooks:pre_exec",
    "on_exit": "shop.hooks:on_exit",
    "metrics": "127.0.0.1:9100",
    "traces": "on",
    "statsd": "127.0.0.1:8125",
    "statsd_prefix": "shop",
    "statsd_tags": "env:live",
    "reload": "on",
    "reload_extra_files": "config.yaml",
    "reload_ignore": "migrations/",
    "reload_poll": "on",
    "reload_grace": "5s",
    "warm": "off",
    "refresh": "on",
    "show_static": "on",
    "open": "on",
    "https": "on",
    "lan": "on",
    "console": "off",
    "editor": "code",
    "path_map": "/app=/home/me/shop",
}

# Variables without which a rule refuses the example.
BESIDE = {
    "proxy_protocol": {"TRIVET_TRUSTED_PROXIES": "127.0.0.1"},
    "min_workers": {"TRIVET_MAX_WORKERS": "9"},
}


def test_every_setting_has_an_example() -> None:
    assert set(EXAMPLES) == set(SPECS), "give the new setting a text in EXAMPLES of this file"


def toml(spec: Spec) -> str:
    """The example as a line of trivet.toml."""
    text = EXAMPLES[spec.name]
    return f"{spec.name} = {text}" if text.isdigit() else f'{spec.name} = "{text}"'


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_all_spellings_of_a_setting_give_the_same_value(spec: Spec, tmp_path: Path) -> None:
    text = EXAMPLES[spec.name]
    expected = spec.kind.from_text(text)
    assert expected != spec.default
    arguments = [f"{spec.flag}={text}"]
    if spec.positional:
        arguments = [text]
    elif isinstance(spec.kind, Switch):
        arguments = [spec.flag if expected else spec.negative_flag]
    flags = parse_flags(spec.only_in or "serve", arguments, "serve").flags
    beside = BESIDE.get(spec.name, {})
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "trivet.toml").write_text(toml(spec))
    keywords = {} if spec.positional else {spec.name: expected}
    ways = {
        "flag": resolve(flags=flags, keywords={}, environ=beside, directory=empty),
        "variable": resolve(
            flags={}, keywords={}, environ={**beside, spec.variable: text}, directory=empty
        ),
        "file": resolve(flags={}, keywords={}, environ=beside, directory=tmp_path),
        "keyword": resolve(flags={}, keywords=keywords, environ=beside, directory=empty),
    }
    if spec.positional:  # serve() takes the application itself
        del ways["keyword"]
    values = {way: getattr(result.settings, spec.name) for way, result in ways.items()}
    assert values == dict.fromkeys(ways, expected)
