"""trivet.dev.content_security: what a page's policy says about our script."""

import pytest

from trivet.dev.content_security import permission, policies_in_page

HOST = "127.0.0.1:8000"


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "img-src 'none'",
        "default-src 'self'",
        "default-src 'none'; script-src 'self'",
        "script-src 'none'; script-src-elem 'self'",
        "script-src *",
        "SCRIPT-SRC 'SELF'",
        "script-src http://127.0.0.1:8000",
        "script-src 127.0.0.1:8000",
        "script-src 'self'; script-src 'none'",  # the first of a name counts
        "sandbox allow-scripts",
    ],
)
def test_a_policy_that_allows_the_own_origin_needs_no_nonce(policy: str) -> None:
    assert permission([policy], HOST) == ""


@pytest.mark.parametrize(
    "policy",
    [
        "default-src 'none'",
        "script-src",
        "script-src 'none'",
        "script-src 'unsafe-inline'",
        "script-src 'sha256-abc='",
        "script-src 'self'; script-src-elem https://cdn.example",
        "script-src 'self' 'strict-dynamic'",
        "default-src 'self', script-src 'none'",  # two policies in one field
        "sandbox",
    ],
)
def test_a_policy_that_forbids_our_script_is_respected(policy: str) -> None:
    assert permission([policy], HOST) is None


def test_the_nonce_of_the_policy_is_used() -> None:
    assert permission(["script-src 'nonce-Ab+/1=' 'strict-dynamic'"], HOST) == "Ab+/1="


def test_several_policies_must_agree_on_the_nonce() -> None:
    one, both = "script-src 'nonce-a'", "script-src 'nonce-b' 'nonce-a'"
    assert permission([one, both], HOST) == "a"
    assert permission([one, "script-src 'nonce-c'"], HOST) is None


def test_a_policy_inside_the_page_is_found() -> None:
    page = b"""<meta http-equiv="Content-Security-Policy" content="script-src 'none'">"""
    assert policies_in_page(page) == ["script-src 'none'"]
    escaped = b"<META content='script-src &#39;self&#39;' HTTP-EQUIV=content-security-policy>"
    assert policies_in_page(escaped) == ["script-src 'self'"]
