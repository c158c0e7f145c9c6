"""trivet.settings.kinds: reading, checking and showing one value."""

import pytest

from trivet.settings.kinds import Choice, ListOf, Switch, Text, WholeNumber


@pytest.mark.parametrize("text", ["1", "4", "65535", " 4 ", "+4"])
def test_a_whole_number_is_read_from_text(text: str) -> None:
    assert WholeNumber(1, 65535).from_text(text) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "65536", "4.0", "four", "", "1_000", "４", "0x10"])
def test_text_that_is_no_number_between_the_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a whole number from 1 to 65535$"):
        WholeNumber(1, 65535).from_text(text)


def test_a_whole_number_may_be_one_of_its_words() -> None:
    assert WholeNumber(1, words=("auto",)).from_text("Auto") == "auto"


def test_a_complaint_about_a_number_tells_its_words() -> None:
    with pytest.raises(ValueError, match=r"^expected a whole number, 1 or more, or auto$"):
        WholeNumber(1, words=("auto",)).from_text("many")


def test_a_number_in_quotes_in_a_file_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"^expected the number without quotes$"):
        WholeNumber(1).from_file("4")


def test_a_number_as_text_is_taken_from_a_keyword() -> None:
    assert WholeNumber(1).from_keyword("4") == 4


@pytest.mark.parametrize("value", [True, 4.0, None, [4]])
def test_what_is_no_whole_number_is_refused_from_a_file(value: object) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        WholeNumber(1).from_file(value)


@pytest.mark.parametrize("text", ["on", "true", "YES", "1"])
def test_a_switch_is_on(text: str) -> None:
    assert Switch().from_text(text) is True


@pytest.mark.parametrize("text", ["off", "False", "no", "0"])
def test_a_switch_is_off(text: str) -> None:
    assert Switch().from_text(text) is False


@pytest.mark.parametrize("value", [1, "yes", "maybe", None])
def test_a_file_has_true_and_false_for_a_switch(value: object) -> None:
    with pytest.raises(ValueError, match=r"^expected true or false$"):
        Switch().from_file(value)


def test_a_choice_is_one_of_its_words_in_any_case() -> None:
    assert Choice("auto", "text", "json").from_text("JSON") == "json"


def test_a_complaint_about_a_choice_tells_the_words() -> None:
    with pytest.raises(ValueError, match=r"^expected auto, text or json$"):
        Choice("auto", "text", "json").from_text("xml")


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\0", "\x1b[31m"])
def test_text_has_no_control_characters(text: str) -> None:
    with pytest.raises(ValueError, match="without control characters"):
        Text().from_text(text)


@pytest.mark.parametrize("text", ["1 2", "1,2", " 1,  2 "])
def test_a_list_in_text_is_separated_by_spaces_or_commas(text: str) -> None:
    assert ListOf(WholeNumber(0)).from_text(text) == (1, 2)


@pytest.mark.parametrize("value", [[1, 2], (1, 2), "1 2"])
def test_a_list_in_a_keyword_may_be_a_list_or_text(value: object) -> None:
    assert ListOf(WholeNumber(0)).from_keyword(value) == (1, 2)


def test_one_item_in_a_file_needs_no_brackets() -> None:
    assert ListOf(WholeNumber(0)).from_file(1) == (1,)
