"""APP taken apart."""

import pytest

from trivet.errors import AppNotFound
from trivet.project.target import parse_target


@pytest.mark.parametrize(
    ("text", "place", "attribute", "call"),
    [
        ("shop", "shop", None, None),
        ("shop.wsgi", "shop.wsgi", None, None),
        ("shop:app", "shop", "app", None),
        (" shop : app ", "shop", "app", None),
        ("shop.wsgi:holder.app", "shop.wsgi", "holder.app", None),
        ("examples/blog/app.py:app", "examples/blog/app.py", "app", None),
        ("C:\\shop\\app.py:app", "C:\\shop\\app.py", "app", None),
        ("shop:create_app()", "shop", "create_app", ((), {})),
        ("shop:create_app('eu', 2)", "shop", "create_app", (("eu", 2), {})),
        (
            'shop:factories.make(key=1, tags=["a", None])',
            "shop",
            "factories.make",
            ((), {"key": 1, "tags": ["a", None]}),
        ),
        ("shop:create_app('a:b')", "shop", "create_app", (("a:b",), {})),
        ("shop:create_app(-1)", "shop", "create_app", ((-1,), {})),
    ],
)
def test_place_attribute_and_arguments_are_told_apart(
    text: str, place: str, attribute: str | None, call: object
) -> None:
    target = parse_target(text)
    assert (target.place.strip(), target.attribute, target.call) == (place, attribute, call)


@pytest.mark.parametrize(
    "text",
    ["shop:create_app(eu)", "shop:create_app(f())", "shop:f(**{'a': 1})", "shop:f(*[1])"],
)
def test_arguments_that_are_no_literals_are_refused(text: str) -> None:
    with pytest.raises(AppNotFound, match="are not literals"):
        parse_target(text)


@pytest.mark.parametrize("text", ["shop:", "shop:a b", "shop:1", "shop:f()()", "shop:a[0]", "s:("])
def test_what_is_neither_name_nor_call_is_refused(text: str) -> None:
    with pytest.raises(AppNotFound, match="is neither a name nor a call"):
        parse_target(text)


def test_the_hint_for_nonsense_lists_the_forms() -> None:
    with pytest.raises(AppNotFound) as caught:
        parse_target("shop:a b")
    assert caught.value.hint is not None
    assert "module:factory()" in caught.value.hint
