"""A function by its dotted name, such as shop.hooks:when_ready, as a kind of setting.

Nothing is imported here.
"""

from __future__ import annotations

from trivet.settings.kinds import Kind


class FunctionName(Kind):
    """Empty, or module:function, both in dotted names."""

    type = str
    expected = "a function such as shop.hooks:when_ready"
    placeholder = "MODULE:FUNCTION"
    empty_is_a_value = True

    def from_text(self, text: str) -> str:
        name = text.strip()
        if not self.accepts(name):
            raise self.wrong()
        return name

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and (not value or _is_name(value))

    def show(self, value: str) -> str:
        return value or '""'

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": "^([^:]+:[^:]+)?$"}


def _is_name(text: str) -> bool:
    module, colon, function = text.partition(":")
    words = [*module.split("."), *function.split(".")]
    return bool(colon) and all(word.isidentifier() for word in words)
