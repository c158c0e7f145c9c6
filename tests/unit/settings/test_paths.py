"""trivet.settings.paths: the part of the URL in front of the application."""

import pytest

from trivet.settings.paths import UrlPath


@pytest.mark.parametrize(
    ("text", "path"),
    [("/shop", "/shop"), ("/shop/", "/shop"), ("/a/b", "/a/b"), ("/", ""), ("", "")],
)
def test_a_path_never_ends_with_a_slash(text: str, path: str) -> None:
    assert UrlPath().from_text(text) == path


@pytest.mark.parametrize("text", ["shop", "/shop?x", "/a b", "/a#b", "/a\nb", "http://x/shop"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a path that starts with /, such as /shop$"):
        UrlPath().from_text(text)
