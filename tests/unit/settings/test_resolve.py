"""trivet.settings.resolve: who wins, and that it is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trivet.errors import ConflictingSettings, InvalidSetting, UnknownSetting
from trivet.settings.addresses import Address
from trivet.settings.resolve import Resolved, resolve
from trivet.settings.table import Settings
from trivet.supervisor.start import worker_count

if TYPE_CHECKING:
    from trivet.settings.table import Mode


def resolved(
    directory: Path,
    *,
    flags: Mapping[str, str | list[str] | bool] | None = None,
    keywords: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    mode: Mode = "serve",
) -> Resolved:
    return resolve(
        mode=mode,
        flags=flags or {},
        keywords=keywords or {},
        environ=environ or {},
        directory=directory,
    )


def test_with_nothing_given_everything_is_the_default(tmp_path: Path) -> None:
    result = resolved(tmp_path)
    assert result.settings == Settings()
    assert {source.origin for source in result.sources.values()} == {"default"}


def test_a_mode_has_its_own_default_and_says_so(tmp_path: Path) -> None:
    result = resolved(tmp_path, mode="dev")
    assert result.settings.workers == 1
    assert result.sources["workers"].origin == "default of dev"


def test_every_place_wins_over_the_ones_before_it(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("workers = 1\n[serve]\nworkers = 2\n")
    environ = {"WEB_CONCURRENCY": "3", "TRIVET_WORKERS": "4"}
    result = resolved(tmp_path, flags={"workers": "5"}, keywords={"workers": 6}, environ=environ)
    source = result.sources["workers"]
    assert (result.settings.workers, source.origin) == (6, "serve() keyword workers")
    assert [(given.value, given.origin) for given in source.overridden] == [
        (5, "--workers"),
        (4, "TRIVET_WORKERS"),
        (3, "WEB_CONCURRENCY"),
        (2, "trivet.toml [serve]"),
        (1, "trivet.toml"),
        ("auto", "default"),
    ]


def test_a_repeated_flag_gives_a_list(tmp_path: Path) -> None:
    result = resolved(tmp_path, flags={"bind": [":8000", "unix:x"]})
    assert result.settings.bind == (Address(port=8000), Address(path="x"))


def test_a_switch_that_was_turned_off_names_the_flag_that_did_it(tmp_path: Path) -> None:
    result = resolved(tmp_path, flags={"access_log": False})
    assert result.settings.access_log is False
    assert result.sources["access_log"].origin == "--no-access-log"


def test_the_application_is_from_the_command_line(tmp_path: Path) -> None:
    result = resolved(tmp_path, flags={"app": "shop:app"})
    assert (result.settings.app, result.sources["app"].origin) == ("shop:app", "the command line")


def test_a_wrong_flag_is_told_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting) as caught:
        resolved(tmp_path, flags={"workers": "0"})
    assert str(caught.value) == "--workers is 0, expected a whole number from 1 to 1024, or auto"


def test_an_unknown_flag_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match="there is no flag --work-ers") as caught:
        resolved(tmp_path, flags={"work_ers": "1"})
    assert caught.value.hint == "did you mean workers?"


def test_a_wrong_keyword_is_told_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting) as caught:
        resolved(tmp_path, keywords={"keep_alive": "5"})
    assert str(caught.value) == (
        'serve(): keep_alive is "5", expected a duration with its unit, such as 5s or 250ms'
    )


def test_an_unknown_keyword_is_an_error_that_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match="serve\\(\\) has no keyword prot") as caught:
        resolved(tmp_path, keywords={"prot": 80})
    assert caught.value.hint == "did you mean port?"


def test_the_application_is_no_keyword(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match="has no keyword app"):
        resolved(tmp_path, keywords={"app": "shop"})


@pytest.mark.parametrize(
    ("listen", "addresses"),
    [
        ("*:8080", (Address(port=8080),)),
        ("127.0.0.1:1 [::1]:1", (Address("127.0.0.1", 1), Address("::1", 1))),
    ],
)
def test_listen_of_waitress_is_bind(
    tmp_path: Path, listen: str, addresses: tuple[Address, ...]
) -> None:
    result = resolved(tmp_path, keywords={"listen": listen})
    assert result.settings.bind == addresses
    assert result.sources["bind"].origin == "serve() keyword listen"


@pytest.mark.parametrize("prefix", ["/shop", "shop", "/shop/"])
def test_url_prefix_of_waitress_is_root_path(tmp_path: Path, prefix: str) -> None:
    assert resolved(tmp_path, keywords={"url_prefix": prefix}).settings.root_path == "/shop"


def test_an_empty_url_prefix_is_no_root_path(tmp_path: Path) -> None:
    assert resolved(tmp_path, keywords={"url_prefix": ""}).settings.root_path == ""


def test_one_setting_under_two_names_is_a_conflict(tmp_path: Path) -> None:
    with pytest.raises(ConflictingSettings, match="both listen and bind"):
        resolved(tmp_path, keywords={"listen": ":80", "bind": ":81"})


def test_port_of_the_platform_opens_every_address(tmp_path: Path) -> None:
    result = resolved(tmp_path, environ={"PORT": "5000"})
    assert result.settings.addresses == (Address("0.0.0.0", 5000),)
    assert any("PORT is set, so host is 0.0.0.0" in note for note in result.notes)
    assert result.sources["host"].origin == "PORT"


@pytest.mark.parametrize(
    ("flags", "environ"),
    [({"host": "127.0.0.1"}, {"PORT": "5000"}), ({}, {"PORT": "5000", "TRIVET_HOST": "127.0.0.1"})],
)
def test_port_of_the_platform_leaves_a_host_that_was_given(
    tmp_path: Path, flags: Mapping[str, str], environ: Mapping[str, str]
) -> None:
    result = resolved(tmp_path, flags=flags, environ=environ)
    assert result.settings.addresses == (Address("127.0.0.1", 5000),)


def test_port_of_the_platform_leaves_the_host_when_the_port_is_given_otherwise(
    tmp_path: Path,
) -> None:
    result = resolved(tmp_path, flags={"port": "80"}, environ={"PORT": "5000"})
    assert result.settings.addresses == (Address("127.0.0.1", 80),)


def test_development_stays_on_this_machine(tmp_path: Path) -> None:
    result = resolved(tmp_path, environ={"PORT": "5000"}, mode="dev")
    assert result.settings.addresses == (Address("127.0.0.1", 5000),)


def test_bind_wins_over_port_of_the_platform_and_says_so(tmp_path: Path) -> None:
    result = resolved(tmp_path, flags={"bind": ["unix:x"]}, environ={"PORT": "5000"})
    assert result.settings.addresses == (Address(path="x"),)
    assert result.notes == ("PORT=5000 is not used: --bind says where to listen",)


@pytest.mark.parametrize("name", ["host", "port"])
def test_bind_beside_host_or_port_is_a_conflict(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConflictingSettings) as caught:
        resolved(tmp_path, flags={"bind": [":80"], name: "1"})
    assert str(caught.value) == f"--bind and --{name} both say where to listen"
    assert caught.value.hint == "keep --bind: it has the host and the port in one"


def test_bind_beside_port_in_one_file_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("bind = ':80'\nport = 81\n")
    with pytest.raises(ConflictingSettings) as caught:
        resolved(tmp_path)
    assert str(caught.value) == (
        "bind in trivet.toml and port in trivet.toml both say where to listen"
    )


def test_a_port_from_a_stronger_place_wins_over_bind_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("bind = ':80'\n")
    result = resolved(tmp_path, flags={"port": "81"})
    assert result.settings.addresses == (Address("127.0.0.1", 81),)
    assert result.notes == ("bind in trivet.toml is not used: --port says where to listen",)


def test_bind_from_a_stronger_place_wins_over_port(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("port = 81\n")
    assert resolved(tmp_path, flags={"bind": [":80"]}).settings.addresses == (Address(port=80),)


def test_one_address_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConflictingSettings, match="--bind has :80 twice"):
        resolved(tmp_path, flags={"bind": [":80", "80"]})


def test_port_0_may_be_asked_for_twice(tmp_path: Path) -> None:
    assert len(resolved(tmp_path, flags={"bind": [":0", ":0"]}).settings.bind) == 2


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        ({"min_workers": "3", "max_workers": "2"}, "--min-workers is 3, more than --max-workers"),
        ({"min_workers": "3"}, "--min-workers is 3 and there is no max_workers"),
        ({"max_workers": "4", "workers": "5"}, "--workers is 5, expected a number from 1"),
    ],
)
def test_bounds_of_the_workers_that_make_no_sense_are_conflicts(
    flags: dict[str, str], what: str, tmp_path: Path
) -> None:
    with pytest.raises(ConflictingSettings, match=what):
        resolved(tmp_path, flags=flags)


def test_what_a_platform_says_of_workers_bends_to_the_bounds(tmp_path: Path) -> None:
    found = resolved(tmp_path, flags={"max_workers": "4"}, environ={"WEB_CONCURRENCY": "9"})
    assert worker_count(found)[0] == 4
    found = resolved(tmp_path, flags={"max_workers": "4", "min_workers": "3", "workers": "3"})
    assert worker_count(found) == (3, "--workers; from 3 to 4, as the load asks for")


def test_a_request_line_longer_than_the_head_is_a_conflict(tmp_path: Path) -> None:
    with pytest.raises(ConflictingSettings) as caught:
        resolved(tmp_path, flags={"request_line_limit": "128KiB"})
    assert str(caught.value) == (
        "--request-line-limit is 128KiB, more than header_limit (64KiB), which includes it"
    )


def test_a_small_head_alone_is_no_conflict(tmp_path: Path) -> None:
    assert resolved(tmp_path, flags={"header_limit": "4KiB"}).settings.header_limit == 4096


def test_the_proxy_protocol_needs_somebody_who_may_use_it(tmp_path: Path) -> None:
    with pytest.raises(ConflictingSettings) as caught:
        resolved(tmp_path, flags={"proxy_protocol": "on"})
    assert str(caught.value) == (
        "--proxy-protocol is on and trusted_proxies names nobody, "
        "so every connection would be closed"
    )
    assert caught.value.hint == (
        "give the addresses of your proxies, such as --trusted-proxies 10.0.0.0/8"
    )


def test_the_proxy_protocol_of_trusted_peers_is_no_conflict(tmp_path: Path) -> None:
    flags = {"proxy_protocol": "on", "trusted_proxies": "unix, 10.0.0.7"}
    settings = resolved(tmp_path, flags=flags).settings
    assert settings.proxy_protocol
    assert settings.trusted_proxies == ("unix", "10.0.0.7")


def test_the_file_that_was_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "trivet.toml").write_text("")
    assert resolved(tmp_path).file == "trivet.toml"


def test_the_number_of_workers_has_an_upper_limit(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting) as caught:
        resolve(flags={"workers": "1025"}, keywords={}, environ={}, directory=tmp_path)
    assert str(caught.value) == (
        "--workers is 1025, expected a whole number from 1 to 1024, or auto"
    )


def test_what_only_the_command_does_is_no_keyword_of_a_script(tmp_path: Path) -> None:
    with pytest.raises(ConflictingSettings, match="chdir is for trivet serve"):
        resolved(tmp_path, mode="script", keywords={"chdir": "/srv"})
    result = resolved(tmp_path, mode="script", keywords={"socket_mode": 0o660})
    assert result.settings.socket_mode == "660"
