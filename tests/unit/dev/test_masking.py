"""What is a secret, and that its value is nowhere."""

import pytest

from trivet.dev.masking import MASK, is_secret, mask_inside, masked
from trivet.dev.safe_repr import safe_repr


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "password",
        "DB_PASSWORD",
        "userPassword",
        "api_key",
        "apikey",
        "APIKey",
        "STRIPE_TOKEN",
        "accessToken",
        "Authorization",
        "X-Api-Key",
        "Cookie",
        "Set-Cookie",
        "csrf_token",
        "csrfmiddlewaretoken",
        "AWS_SECRET_ACCESS_KEY",
        "private_key",
        "SENTRY_DSN",
        "passwd",
        "credentials",
        "SECRET_KEY_FALLBACKS",
    ],
)
def test_secret_names(name: str) -> None:
    assert is_secret(name)
    assert masked(name, "hunter2") == MASK


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "keyboard",
        "monkey",
        "passenger",
        "compass",
        "SESSION_COOKIE_NAME",
        "MAX_COOKIE_SIZE",
        "order",
        "number",
        "tokyo",
        "spin",
        "",
    ],
)
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret(name)
    assert masked(name, "shown") == "shown"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://shop:hunter2@db/shop", f"postgres://shop:{MASK}@db/shop"),
        ("redis://:hunter2@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        ("http://localhost:8000/a", "http://localhost:8000/a"),
        ("https://a.test/?page=2&token=abc#x", f"https://a.test/?page=2&token={MASK}#x"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_inside_of_texts(text: str, shown: str) -> None:
    assert mask_inside(text) == shown


def test_secrets_inside_of_values() -> None:
    value = {"user": "ada", "password": "hunter2", "nested": [{"api_key": "hunter2"}], "n": None}
    text = safe_repr(value)
    assert "hunter2" not in text
    assert "'user': 'ada'" in text
    assert "'n': None" in text


def test_any_value_has_a_text_that_is_bounded() -> None:
    class Failing:
        def __repr__(self) -> str:
            raise ValueError("no")

    recursive: list[object] = []
    recursive.append(recursive)
    assert safe_repr(Failing()) == "<Failing: its repr() raised ValueError>".replace(
        "Failing:", f"{Failing.__qualname__}:"
    )
    deep: object = {1: {2: {3: {4: {5: {}}}}}}
    values: list[object] = [recursive, "x" * 10**7, b"x" * 10**7, list(range(10**6)), deep]
    for value in values:
        assert len(safe_repr(value)) < 1_300
    assert safe_repr((1,)) == "(1,)"
    assert safe_repr(set()) == "set()"
    assert safe_repr(frozenset({1})) == "frozenset({1})"


def test_a_query_is_not_asked_for_the_sake_of_its_text() -> None:
    class QuerySet:
        def __repr__(self) -> str:
            raise AssertionError("asked the database")

    QuerySet.__module__ = "django.db.models.query"
    assert "not evaluated" in safe_repr(QuerySet())
