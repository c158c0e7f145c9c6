"""trivet.settings.file_modes: octal digits."""

import pytest

from trivet.settings.file_modes import FileMode


@pytest.mark.parametrize(
    ("text", "mode"), [("027", "027"), ("27", "027"), ("0o660", "660"), ("0660", "660"), ("", "")]
)
def test_a_mode_is_kept_as_three_digits(text: str, mode: str) -> None:
    assert FileMode().from_text(text) == FileMode().from_file(text) == mode
    assert FileMode().accepts(mode)


@pytest.mark.parametrize("text", ["8", "1777", "rw-", "-1", "0o", "0x1f", "٠٢٧"])
def test_what_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="three octal digits such as 027"):
        FileMode().from_text(text)


def test_python_writes_modes_as_numbers_and_files_must_not() -> None:
    assert FileMode().from_keyword(0o660) == "660"
    with pytest.raises(ValueError, match='in quotes: "027"'):
        FileMode().from_file(27)
    for wrong in (True, -1, 0o1777, None):
        with pytest.raises(ValueError, match="expected"):
            FileMode().from_keyword(wrong)
