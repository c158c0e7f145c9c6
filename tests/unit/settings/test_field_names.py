"""trivet.settings.field_names: a field that Trivet may add to answers."""

import pytest

from trivet.settings.field_names import TAKEN, FieldName

KIND = FieldName("X-Request-Id")


@pytest.mark.parametrize(
    ("text", "name"),
    [("X-Request-Id", "X-Request-Id"), ("on", "X-Request-Id"), ("OFF", ""), ("", ""), (" A ", "A")],
)
def test_a_name_or_a_word_is_taken(text: str, name: str) -> None:
    assert KIND.from_text(text) == name


@pytest.mark.parametrize("text", ["X_Request_Id", "X Y", "X:", "1", "É", "a\r\nb", *TAKEN, "Host"])
def test_what_is_no_name_or_means_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected on, off, or the name of a header field such as"):
        KIND.from_text(text)


def test_a_file_may_say_true() -> None:
    assert (KIND.from_file(True), KIND.from_file(False)) == ("X-Request-Id", "")
    with pytest.raises(ValueError, match="expected on, off"):
        KIND.from_file(7)
