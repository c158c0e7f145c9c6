"""Permissions of files as a kind of setting: octal digits, as chmod and umask take them."""

from __future__ import annotations

from trivet.settings.kinds import Kind


class FileMode(Kind):
    """Empty, or three octal digits, with or without a leading 0; kept as text.

    A number in a file is refused: 660 without quotes is a decimal number, and would mean 1224.
    """

    type = str
    expected = "three octal digits such as 027"
    placeholder = "MODE"
    empty_is_a_value = True

    def from_text(self, text: str) -> str:
        mode = text.strip()
        digits = mode.removeprefix("0o")
        if mode and not _is_octal(digits):
            raise self.wrong()
        return f"{int(digits, 8):03o}" if mode else ""

    def from_file(self, value: object) -> str:
        if isinstance(value, str):
            return self.from_text(value)
        raise ValueError(f'expected {self.expected}, in quotes: "027"')

    def from_keyword(self, value: object) -> str:
        # In Python 0o027 is how a mode is written.
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return self.from_text(f"{value:03o}")
        if isinstance(value, str):
            return self.from_text(value)
        raise self.wrong()

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and (not value or (len(value) == 3 and _is_octal(value)))

    def show(self, value: str) -> str:
        return value or '""'

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": "^(0o?)?[0-7]{0,3}$"}


def _is_octal(digits: str) -> bool:
    return (
        0 < len(digits) <= 4
        and all(digit in "01234567" for digit in digits)
        and int(digits, 8) <= 0o777
    )
