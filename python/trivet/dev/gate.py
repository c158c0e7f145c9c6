"""From a WSGI request to the facts that access rules judge, and back: cookie and counter."""

from __future__ import annotations

import hashlib
from http.cookies import CookieError, SimpleCookie
from typing import Any

from trivet.dev.access import (
    FORWARDING_HEADERS,
    Asked,
    Terms,
    Verdict,
    may_evaluate,
    may_open,
    may_see_values,
)
from trivet.dev.session import DevSession
from trivet.dev.wrong_tokens import WrongTokens

PREFIX = "/-/trivet/"

Environ = dict[str, Any]


class Gate:
    """Judges requests by the rules of access.py for one start of `trivet dev`."""

    def __init__(self, session: DevSession) -> None:
        self._session = session
        self._wrong_tokens = WrongTokens(session.state_directory)
        # Cookies are shared by all ports of a host: those of other starts must not look like a
        # wrong token of this one.
        start = hashlib.sha256(session.token.encode()).hexdigest()[:12]
        self._cookie = f"trivet_dev_{start}"

    def may_see_values(self, environ: Environ) -> Verdict:
        return may_see_values(_asked(environ, None), self._terms())

    def may_open(self, environ: Environ, token: str) -> Verdict:
        return self._counted(may_open(_asked(environ, token), self._terms()))

    def may_evaluate(self, environ: Environ) -> Verdict:
        return self._counted(may_evaluate(_asked(environ, self._token(environ)), self._terms()))

    def cookie(self, environ: Environ) -> tuple[str, str]:
        """The header that gives a browser the token; no script reads it, no other site sends it."""
        path = f"{environ.get('SCRIPT_NAME', '')}{PREFIX}".rstrip("/")
        secure = "; Secure" if environ.get("wsgi.url_scheme") == "https" else ""
        value = (
            f"{self._cookie}={self._session.token}; Path={path}; HttpOnly; SameSite=Strict{secure}"
        )
        return "Set-Cookie", value

    def _counted(self, verdict: Verdict) -> Verdict:
        if verdict.is_failure:
            self._wrong_tokens.add()
        return verdict

    def _terms(self) -> Terms:
        return Terms(
            console=self._session.console,
            console_off_reason=self._session.console_off_reason,
            locals_shown=self._session.locals_shown,
            token=self._session.token,
            failures=self._wrong_tokens.count(),
        )

    def _token(self, environ: Environ) -> str | None:
        try:
            cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        except CookieError:
            return None
        return cookies[self._cookie].value if self._cookie in cookies else None


def _asked(environ: Environ, token: str | None) -> Asked:
    return Asked(
        method=str(environ.get("REQUEST_METHOD", "")),
        peer=str(environ.get("REMOTE_ADDR", "")),
        scheme=str(environ.get("wsgi.url_scheme", "http")),
        host=environ.get("HTTP_HOST"),
        origin=environ.get("HTTP_ORIGIN"),
        fetch_site=environ.get("HTTP_SEC_FETCH_SITE"),
        forwarded=any(environ.get(name) for name in FORWARDING_HEADERS),
        token=token,
    )
