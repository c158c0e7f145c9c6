"""Who may use the console, and who may see values of names: a pure function of a request's facts.

Nothing here trusts a header that a proxy sets. The peer is the socket's; that somebody passed a
request on is only ever a reason to refuse.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

#: Headers of a proxy or a tunnel. With one of them the peer is not whoever asks, even if the proxy
#: runs on this machine and sends a local Host, as tunnels can be told to.
FORWARDING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_TRUE_CLIENT_IP",
)

FAILURES_AT_MOST = 5

_PORT = re.compile(r"[0-9]{1,5}\Z")
_IPV4 = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\Z")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The facts of a request that decide. None stands for a header that was not sent."""

    method: str
    peer: str
    scheme: str
    host: str | None
    origin: str | None = None
    fetch_site: str | None = None
    forwarded: bool = False
    token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What this start of `trivet dev` allows. `failures`: wrong tokens so far."""

    console: bool
    console_off_reason: str
    locals_shown: bool
    token: str
    failures: int


@dataclass(frozen=True)
class Verdict:
    """Allowed, or why not. `is_failure`: a wrong token, which counts towards the lock."""

    allowed: bool
    reason: str = ""
    is_failure: bool = False
    #: The token is all that is missing: the page asks for it.
    wants_token: bool = False


ALLOWED = Verdict(True)


def may_see_values(asked: Asked, terms: Terms) -> Verdict:
    """Whether the page may show values of names, and the pages that were kept."""
    if not terms.locals_shown:
        return Verdict(False, "values are not shown to a network (--lan)")
    return _is_from_here(asked)


def may_open(asked: Asked, terms: Terms) -> Verdict:
    """Whether this visit, of a link or by the form, may turn the token into a cookie."""
    if not terms.console:
        return Verdict(False, terms.console_off_reason or "the console is off")
    here = _is_from_here(asked)
    if not here.allowed:
        return here
    if asked.method == "POST":
        origin = _is_same_origin(asked)
        if not origin.allowed:
            return origin
    # A link typed, or opened by the terminal: "none". Another site's link or image is not; it must
    # not be able to use up the failures either.
    elif asked.fetch_site not in (None, "none", "same-origin"):
        return Verdict(False, f"the link was followed from another site ({asked.fetch_site})")
    return _has_token(asked, terms)


def may_evaluate(asked: Asked, terms: Terms) -> Verdict:
    """Whether this request may run code in a frame. Cheap rules first, the token last."""
    if not terms.console:
        return Verdict(False, terms.console_off_reason or "the console is off")
    if asked.method != "POST":
        return Verdict(False, "the console takes POST only")
    here = _is_from_here(asked)
    if not here.allowed:
        return here
    origin = _is_same_origin(asked)
    if not origin.allowed:
        return origin
    return _has_token(asked, terms)


def _is_from_here(asked: Asked) -> Verdict:
    if not is_loopback(asked.peer):
        return Verdict(
            False, f"the request comes from {asked.peer or 'a Unix socket'}, not from this machine"
        )
    if asked.forwarded:
        return Verdict(False, "a proxy or tunnel passed the request on")
    if asked.host is None or not is_local_host(asked.host):
        return Verdict(
            False,
            f"the Host {asked.host!r} is no name of this machine, such as localhost or 127.0.0.1",
        )
    return ALLOWED


def _is_same_origin(asked: Asked) -> Verdict:
    if asked.origin is None and asked.fetch_site is None:
        return Verdict(
            False, "neither Origin nor Sec-Fetch-Site was sent, so no page of ours asked"
        )
    if asked.fetch_site not in (None, "same-origin"):
        return Verdict(False, f"another site asked (Sec-Fetch-Site: {asked.fetch_site})")
    if (
        asked.origin is not None
        and asked.origin.lower() != f"{asked.scheme}://{asked.host}".lower()
    ):
        return Verdict(False, f"another origin asked ({asked.origin})")
    return ALLOWED


def _has_token(asked: Asked, terms: Terms) -> Verdict:
    if terms.failures >= FAILURES_AT_MOST:
        return Verdict(
            False, f"locked after {FAILURES_AT_MOST} wrong tokens: start trivet dev again"
        )
    if not terms.token:
        return Verdict(False, "this start has no token")
    if not asked.token:
        return Verdict(False, "the token that the terminal shows is missing", wants_token=True)
    # compare_digest takes bytes, or ASCII text only; its time does not depend on where they differ.
    given = asked.token.encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, terms.token.encode()):
        return Verdict(False, "the token is wrong", is_failure=True, wants_token=True)
    return ALLOWED


def is_loopback(peer: str) -> bool:
    """Whether the address of a socket's peer is this machine's loopback."""
    address = _address(peer)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped  # the peer of a dual-stack socket
        return mapped.is_loopback if mapped is not None else address == IPv6Address("::1")
    return address is not None and address.is_loopback


def is_local_host(host: str) -> bool:
    """Whether a Host header names this machine: localhost, *.localhost, 127.0.0.0/8, [::1].

    Browsers resolve names under .localhost to the loopback by themselves (RFC 6761 section 6.3),
    so that no DNS server can point one of them elsewhere, nor another name here.
    """
    name = _without_port(host)
    if name is None:
        return False
    if name.startswith("["):
        return is_loopback(name[1:-1])
    if _IPV4.match(name):
        return is_loopback(name)
    labels = name.lower().split(".")
    return labels[-1] == "localhost" and all(_LABEL.match(label) for label in labels)


def _without_port(host: str) -> str | None:
    """Return the host of `host[:port]`, or None when it is not of that form."""
    if host.startswith("["):
        name, bracket, rest = host.partition("]")
        name += bracket
        if not bracket:
            return None
    else:
        name, colon, port = host.partition(":")
        rest = colon + port
    if rest and not (rest.startswith(":") and _PORT.match(rest[1:]) and int(rest[1:]) <= 65535):
        return None
    return name or None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, strictly: no zone, no octal, no short forms."""
    try:
        if ":" in text:
            return None if "%" in text else IPv6Address(text)
        return IPv4Address(text) if _IPV4.match(text) else None
    except (AddressValueError, ValueError):
        return None
