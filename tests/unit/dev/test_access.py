"""Who may use the console: rules, and their properties against an oracle of another make."""

import ipaddress
import string
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trivet.dev.access import (
    FAILURES_AT_MOST,
    Asked,
    Terms,
    is_local_host,
    is_loopback,
    may_evaluate,
    may_open,
    may_see_values,
)

TOKEN = "the-right-token"
TERMS = Terms(console=True, console_off_reason="", locals_shown=True, token=TOKEN, failures=0)


def asked(**changes: Any) -> Asked:
    """A request of our own page; `changes` are what an attacker has in its place."""
    values: dict[str, Any] = {
        "method": "POST",
        "peer": "127.0.0.1",
        "scheme": "http",
        "host": "localhost:8000",
        "origin": "http://localhost:8000",
        "fetch_site": "same-origin",
        "forwarded": False,
        "token": TOKEN,
    }
    return Asked(**{**values, **changes})


def terms(**changes: Any) -> Terms:
    return Terms(**{**vars(TERMS), **changes})


def test_our_own_page_may_evaluate() -> None:
    assert may_evaluate(asked(), TERMS).allowed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": "GET"}, "POST"),
        ({"peer": "192.168.1.7"}, "not from this machine"),
        ({"peer": "172.17.0.1"}, "not from this machine"),
        ({"peer": ""}, "a Unix socket"),
        ({"peer": "::ffff:10.0.0.1"}, "not from this machine"),
        ({"forwarded": True}, "proxy or tunnel"),
        ({"host": "evil.example:8000", "origin": "http://evil.example:8000"}, "no name of this"),
        ({"host": "localhost.evil.example", "origin": None}, "no name of this"),
        ({"host": None}, "no name of this"),
        ({"host": "0.0.0.0:8000", "origin": "http://0.0.0.0:8000"}, "no name of this"),
        ({"origin": "http://evil.example"}, "another origin"),
        ({"origin": "null"}, "another origin"),
        ({"origin": "http://localhost:9000"}, "another origin"),
        ({"origin": "https://localhost:8000"}, "another origin"),
        ({"fetch_site": "cross-site"}, "another site"),
        ({"fetch_site": "same-site"}, "another site"),
        ({"fetch_site": "none"}, "another site"),
        ({"origin": None, "fetch_site": None}, "neither Origin nor Sec-Fetch-Site"),
        ({"token": None}, "missing"),
        ({"token": ""}, "missing"),
        ({"token": "the-wrong-token"}, "wrong"),
        ({"token": "thé-wröng"}, "wrong"),
    ],
)
def test_anything_else_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    verdict = may_evaluate(asked(**changes), TERMS)
    assert not verdict.allowed
    assert reason in verdict.reason


def test_only_a_wrong_token_counts_as_a_failure() -> None:
    assert may_evaluate(asked(token="wrong"), TERMS).is_failure
    assert not may_evaluate(asked(token=None), TERMS).is_failure
    assert not may_evaluate(asked(token="wrong", origin="http://evil.example"), TERMS).is_failure


def test_after_five_failures_the_right_token_does_not_help() -> None:
    assert may_evaluate(asked(), terms(failures=FAILURES_AT_MOST - 1)).allowed
    verdict = may_evaluate(asked(), terms(failures=FAILURES_AT_MOST))
    assert not verdict.allowed
    assert "locked" in verdict.reason
    assert not verdict.is_failure


def test_without_a_token_of_the_start_nobody_gets_in() -> None:
    assert not may_evaluate(asked(token=""), terms(token="")).allowed


@pytest.mark.parametrize("rule", [may_evaluate, may_open])
def test_nobody_gets_in_when_the_console_is_off(rule: Any) -> None:
    verdict = rule(asked(), terms(console=False, console_off_reason="--lan"))
    assert (verdict.allowed, verdict.reason) == (False, "--lan")


def test_a_link_may_be_opened_from_the_terminal_but_not_from_another_site() -> None:
    link = {"method": "GET", "origin": None}
    assert may_open(asked(**link, fetch_site="none"), TERMS).allowed
    assert may_open(asked(**link, fetch_site=None), TERMS).allowed
    refused = may_open(asked(**link, fetch_site="cross-site", token="wrong"), TERMS)
    assert (refused.allowed, refused.is_failure) == (False, False)


def test_a_form_of_another_site_cannot_unlock() -> None:
    assert may_open(asked(), TERMS).allowed
    assert not may_open(asked(origin="http://evil.example"), TERMS).allowed


def test_values_are_for_this_machine_only_and_never_for_a_network() -> None:
    page = {"method": "GET", "origin": None, "fetch_site": "none", "token": None}
    assert may_see_values(asked(**page), TERMS).allowed
    assert not may_see_values(asked(**page, host="evil.example"), TERMS).allowed
    assert not may_see_values(asked(**{**page, "peer": "192.168.1.7"}), TERMS).allowed
    assert not may_see_values(asked(**page), terms(locals_shown=False)).allowed


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "shop.localhost:8000",
        "a.b.localhost",
        "127.0.0.1",
        "127.8.9.10:1",
        "[::1]",
        "[::1]:8000",
        "[0:0:0:0:0:0:0:1]:8000",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7f00:1]:80",
    ],
)
def test_names_of_this_machine(host: str) -> None:
    assert is_local_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8000",
        "localhost:",
        "localhost:x",
        "localhost:99999",
        "localhost.",
        ".localhost",
        "a..localhost",
        "evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example#localhost",
        "evil.example/.localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.256",
        "0.0.0.0",
        "[::]",
        "[::2]",
        "[::1%lo]",
        "[::1",
        "::1",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[127.0.0.1",
        "192.168.0.1",
        "localhost:80:80",
        "localhost\x00",
        "löcalhost",
        "localhost\n",
        "127.0.0.1\n",
    ],
)
def test_what_is_no_name_of_this_machine(host: str) -> None:
    assert not is_local_host(host)


# --- properties -----------------------------------------------------------------------------------


def oracle_of_host(host: str) -> bool:
    """The same question to Python's URL parser and address classes."""
    allowed = set(string.ascii_letters + string.digits + "-_.:[]")
    if not host or not set(host) <= allowed or host != host.strip():
        return False
    try:
        parts = urlsplit(f"//{host}")
        port, name = parts.port, parts.hostname
    except ValueError:
        return False
    if name is None or host.endswith(":") or (port is None and host.count(":") and "[" not in host):
        return False
    if "[" in host and host.rpartition("]")[2][:1] not in ("", ":"):
        return False
    if "[" in host[1:] or ("[" in host) != host.startswith("["):
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        last = name.split(".")
        return (
            "[" not in host
            and last[-1] == "localhost"
            and all(
                label and not label.startswith("-") and not label.endswith("-") for label in last
            )
        )
    if isinstance(address, ipaddress.IPv4Address):
        return "[" not in host and address in ipaddress.ip_network("127.0.0.0/8")
    if "[" not in host:
        return False
    mapped = ipaddress.ip_network("::ffff:127.0.0.0/104")
    return int(address) == 1 or address in mapped


NAMES = st.one_of(
    st.sampled_from(["localhost", "x.localhost", "evil.example", "127.0.0.1", "[::1]", "[::]"]),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=6).map(lambda address: f"[{address.exploded}]"),
    st.ip_addresses(v=4, network="127.0.0.0/8").map(lambda address: f"[::ffff:{address}]"),
    st.text(alphabet="abl0127.:[]%@/-_ \x00calhost", max_size=24),
    st.text(max_size=12),
)
PORTS = st.one_of(st.just(""), st.integers(0, 70_000).map(lambda port: f":{port}"), st.just(":"))


@given(st.builds(lambda name, port: name + port, NAMES, PORTS))
@example("[::ffff:7f00:1]:8000")
def test_hosts_are_judged_as_pythons_own_parsers_judge_them(host: str) -> None:
    assert is_local_host(host) == oracle_of_host(host)


@given(st.one_of(st.ip_addresses().map(str), st.text(max_size=20)))
def test_peers_are_judged_as_pythons_own_classes_judge_them(peer: str) -> None:
    try:
        address = ipaddress.ip_address(peer)
        if "%" in peer:
            raise ValueError
    except ValueError:
        expected = False
    else:
        networks = ("127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104")
        expected = any(address in ipaddress.ip_network(network) for network in networks)
    assert is_loopback(peer) == expected


ORIGINS = st.one_of(
    st.none(),
    st.just("null"),
    st.builds(
        lambda scheme, host, port: f"{scheme}://{host}{port}",
        st.sampled_from(["http", "https", "file"]),
        NAMES,
        PORTS,
    ),
)
REQUESTS = st.builds(
    Asked,
    method=st.sampled_from(["GET", "POST", "PUT", "post"]),
    peer=st.one_of(st.just("127.0.0.1"), st.just("::1"), st.ip_addresses().map(str), st.just("")),
    scheme=st.sampled_from(["http", "https"]),
    host=st.one_of(st.none(), st.builds(lambda name, port: name + port, NAMES, PORTS)),
    origin=ORIGINS,
    fetch_site=st.sampled_from([None, "same-origin", "same-site", "cross-site", "none", "x"]),
    forwarded=st.booleans(),
    token=st.one_of(st.none(), st.just(TOKEN), st.text(max_size=20)),
)


@given(REQUESTS, st.integers(0, 10), st.booleans())
def test_whoever_may_evaluate_meets_every_condition(
    request: Asked, failures: int, console: bool
) -> None:
    verdict = may_evaluate(request, terms(failures=failures, console=console))
    if verdict.allowed:
        assert console
        assert failures < FAILURES_AT_MOST
        assert request.method == "POST"
        assert request.peer in ("127.0.0.1", "::1") or is_loopback(request.peer)
        assert not request.forwarded
        assert oracle_of_host(request.host or "")
        assert request.token == TOKEN
        assert (request.origin, request.fetch_site) != (None, None)
        assert request.fetch_site in (None, "same-origin")
        if request.origin is not None:
            assert urlsplit(request.origin).netloc.lower() == (request.host or "").lower()
            assert request.origin.startswith(f"{request.scheme}://")
    else:
        assert verdict.reason


@given(NAMES.filter(lambda name: not oracle_of_host(name)))
def test_a_rebound_name_gets_neither_console_nor_values(name: str) -> None:
    """DNS rebinding: the peer is loopback and the origin the attacker's, so all else is right."""
    rebound = asked(host=f"{name}:8000", origin=f"http://{name}:8000")
    if not oracle_of_host(f"{name}:8000"):
        assert not may_evaluate(rebound, TERMS).allowed
        assert not may_see_values(rebound, TERMS).allowed
        assert not may_open(rebound, TERMS).allowed
