"""Which names hold secrets, and how their values are shown: masked, everywhere; a table."""

from __future__ import annotations

import re

MASK = "••••••"

#: Parts of a name that make its value a secret. Compared in lower case with the words of the
#: name, so that `keyboard` and `author` are none.
SECRET_WORDS = frozenset(
    {
        "auth",
        "authorization",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "csrf",
        "csrfmiddlewaretoken",
        "csrftoken",
        "dsn",
        "jwt",
        "key",
        "keys",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pin",
        "private",
        "pwd",
        "salt",
        "secret",
        "secrets",
        "session",
        "sessionid",
        "signature",
        "token",
        "tokens",
    }
)

#: Parts of a name that make it secret without a boundary: `apikey`, `mypassword`, `SECRETKEY`.
SECRET_PARTS = ("apikey", "authtoken", "passphrase", "passwd", "password", "secret", "token")

#: Names that look like secrets and are none: what Flask and Django call their settings of keys,
#: and words without which a page is hard to read.
HARMLESS_NAMES = frozenset(
    {
        "session_cookie_age",
        "session_cookie_domain",
        "session_cookie_httponly",
        "session_cookie_name",
        "session_cookie_partitioned",
        "session_cookie_path",
        "session_cookie_samesite",
        "session_cookie_secure",
        "csrf_cookie_age",
        "csrf_cookie_domain",
        "csrf_cookie_httponly",
        "csrf_cookie_name",
        "csrf_cookie_path",
        "csrf_cookie_samesite",
        "csrf_cookie_secure",
        "csrf_header_name",
        "csrf_use_sessions",
        "max_cookie_size",
        "permanent_session_lifetime",
        "session_refresh_each_request",
        "session_engine",
        "auth_user_model",
        "auth_type",
        "sort_keys",
        "json_sort_keys",
        "key_error",
    }
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PASSWORD_IN_URL = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)", re.I
)
_SECRET_IN_QUERY = re.compile(r"(?P<before>[?&;](?P<name>[^=&;\s'\"]+)=)[^&;\s'\"#]+")


def is_secret(name: object) -> bool:
    """Return whether the value of this name must not be shown."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str):
        return False
    lower = name.lower().replace("-", "_")
    if lower in HARMLESS_NAMES:
        return False
    if any(part in lower.replace("_", "") for part in SECRET_PARTS):
        return True
    return any(word.lower() in SECRET_WORDS for word in _WORDS.findall(name))


def masked(name: object, text: str) -> str:
    """Return the text that may be shown for a value of this name."""
    return MASK if text and is_secret(name) else mask_inside(text)


def mask_inside(text: str) -> str:
    """Hide passwords in URLs (`postgres://shop:…@db`) and secrets in queries (`?token=…`)."""
    if "://" in text:
        text = _PASSWORD_IN_URL.sub(lambda match: f"{match['before']}{MASK}", text)
    if "=" in text:
        text = _SECRET_IN_QUERY.sub(
            lambda match: f"{match['before']}{MASK}" if is_secret(match["name"]) else match[0], text
        )
    return text
