"""Whether a page's Content-Security-Policy lets a script of the same origin run, and with what.

Content Security Policy Level 3; only what a `<script src>` of our own needs. Nothing is loosened:
where the policy says no, the page is left alone.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: The directive that governs `<script src>`, the first that a policy has (CSP3, section 6.8.3).
SCRIPT_DIRECTIVES = ("script-src-elem", "script-src", "default-src")

#: Sources that match every address of the page's own origin, whatever it is.
OWN_ORIGIN = ("'self'", "*", "http:", "https:")

_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'", re.IGNORECASE)

# A policy inside the page. It may stand in a comment; then we are stricter than we had to be.
_META = re.compile(
    rb"""<meta\s[^>]*http-equiv\s*=\s*["']?content-security-policy["']?[^>]*>""", re.IGNORECASE
)
_META_CONTENT = re.compile(rb"""\scontent\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def permission(policies: Iterable[str], host: str) -> str | None:
    """The nonce that our script needs; empty when it needs none; None when it may not run.

    `policies` are the values of the header, and of `<meta>` in the page; all of them hold at once.
    `host` is the page's own, as its Host field has it.
    """
    nonces: list[set[str]] = []
    for value in policies:
        for policy in value.split(","):
            sources = script_sources(policy)
            if sources is None:
                continue
            found = {match[1] for match in map(_NONCE.fullmatch, sources) if match}
            if found:
                nonces.append(found)
            elif not _lets_own_origin(sources, host):
                return None
    if not nonces:
        return ""
    common = set.intersection(*nonces)
    return min(common) if common else None


def script_sources(policy: str) -> list[str] | None:
    """The sources that one policy allows for scripts; None when it says nothing about them."""
    directives: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        directives.setdefault(name.lower(), sources)  # the first of a name counts
    if "sandbox" in directives and "allow-scripts" not in directives["sandbox"]:
        return []
    for name in SCRIPT_DIRECTIVES:
        if name in directives:
            return directives[name]
    return None


def policies_in_page(page: bytes) -> list[str]:
    """The policies that a page gives in `<meta http-equiv>`."""
    policies = []
    for element in _META.findall(page):
        content = _META_CONTENT.search(element)
        if content:
            # Attributes may be escaped, and a policy has quotes.
            text = (content[1] or content[2] or b"").decode("latin-1")
            policies.append(text.replace("&#39;", "'").replace("&#x27;", "'"))
    return policies


def _lets_own_origin(sources: list[str], host: str) -> bool:
    lowered = [source.lower() for source in sources]
    if "'strict-dynamic'" in lowered:
        return False  # then only a nonce or a hash counts
    own = {host.lower(), f"http://{host}".lower(), f"https://{host}".lower()}
    return any(source in OWN_ORIGIN or source.rstrip("/") in own for source in lowered)
