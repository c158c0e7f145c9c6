"""The part of a URL in front of the application, as a kind of setting; nothing about files."""

from __future__ import annotations

from trivet.settings.kinds import Kind


class UrlPath(Kind):
    """Empty, or a path such as /shop: starts with a slash and, once read, does not end with one.

    SCRIPT_NAME must not end with a slash (PEP 3333: PATH_INFO begins with it), so "/" is empty.
    """

    type = str
    expected = "a path that starts with /, such as /shop"
    placeholder = "PATH"
    empty_is_a_value = True

    def from_text(self, text: str) -> str:
        path = text.strip().rstrip("/")
        if not self.accepts(path):
            raise self.wrong()
        return path

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and (
            not value
            or (
                value.startswith("/")
                and not value.endswith("/")
                and value.isprintable()
                and not any(character in "?# " for character in value)
            )
        )

    def show(self, value: str) -> str:
        return value or '""'

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": "^(/[^?# ]*)?$"}
