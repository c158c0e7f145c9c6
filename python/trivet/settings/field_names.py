"""The name of a header field that Trivet may add to answers, as a kind of setting."""

from __future__ import annotations

from trivet.settings.kinds import Kind

#: What a name may have (RFC 9110 section 5.1), but for the underscore, which fields that reach an
#: application never have, and what no proxy passes on.
MARKS = "-."

#: Fields that mean something else.
TAKEN = (
    *("authorization", "connection", "content-length", "content-type", "cookie", "date", "expect"),
    *("forwarded", "host", "keep-alive", "location", "proxy", "server", "set-cookie", "te"),
    *("trailer", "transfer-encoding", "upgrade"),
)


class FieldName(Kind):
    """Empty for none, or the name of a field; `on` is `usual`, and `off` is none."""

    type = str
    placeholder = "NAME"
    empty_is_a_value = True

    def __init__(self, usual: str) -> None:
        self.usual = usual
        self.expected = f"on, off, or the name of a header field such as {usual}"

    def from_text(self, text: str) -> str:
        name = {"on": self.usual, "off": ""}.get(text.strip().lower(), text.strip())
        if not self.accepts(name):
            raise self.wrong()
        return name

    def from_file(self, value: object) -> str:
        if isinstance(value, bool):
            return self.usual if value else ""
        return str(super().from_file(value))

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and (
            not value
            or (
                value.isascii()
                and all(character.isalnum() or character in MARKS for character in value)
                and value[0].isalpha()
                and value.lower() not in TAKEN
            )
        )

    def show(self, value: str) -> str:
        return value or '""'

    def schema(self) -> dict[str, object]:
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^[A-Za-z0-9.-]*$"}]}
