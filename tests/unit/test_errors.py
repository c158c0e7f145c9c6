"""trivet.errors: what an error keeps, also when it travels between processes."""

import pickle

import pytest

from trivet import errors
from trivet.errors import AddressInUse, AppNotFound, TrivetError, UnknownSetting, escape_controls

ALL_ERRORS = [
    thing
    for thing in vars(errors).values()
    if isinstance(thing, type) and issubclass(thing, TrivetError)
]


def test_an_error_as_text_is_what_happened() -> None:
    assert str(AppNotFound("no app here", hint="name one")) == "no app here"


def test_details_and_hint_follow_each_other_without_empty_lines() -> None:
    assert TrivetError("no", details="a\nb\n", hint="look").explanation == "a\nb\nhint: look"
    assert TrivetError("no", hint="look").explanation == "hint: look"
    assert TrivetError("no").explanation == ""


@pytest.mark.parametrize("error_class", ALL_ERRORS)
def test_an_error_keeps_everything_when_it_is_pickled(error_class: type[TrivetError]) -> None:
    error = error_class("it broke", hint="mend it", details="line 1\nline 2")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is error_class
    assert (str(again), again.what, again.hint, again.details) == (
        "it broke",
        "it broke",
        "mend it",
        "line 1\nline 2",
    )


class ErrorWithMore(AddressInUse):
    """A subclass whose constructor needs more than the text."""

    def __init__(self, what: str, *, pid: int) -> None:
        super().__init__(what)
        self.pid = pid


def test_a_subclass_that_needs_more_keeps_it_when_it_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(ErrorWithMore("in use", pid=17))).pid == 17


@pytest.mark.parametrize("error_class", ALL_ERRORS)
def test_a_name_is_kebab_case_and_belongs_to_one_class(error_class: type[TrivetError]) -> None:
    assert error_class.name.replace("-", "").isalpha()
    assert error_class.name.islower()
    assert [other.name for other in ALL_ERRORS].count(error_class.name) == 1


def test_a_subclass_has_the_exit_code_of_its_family() -> None:
    assert UnknownSetting.exit_code == 2


def test_controls_are_escaped_and_other_text_is_kept() -> None:
    assert escape_controls("é\n\t✓ \x1b[31m\r\x9b\u202e\udc80") == (
        "é\n\t✓ \\x1b[31m\\r\\x9b\\u202e\\udc80"
    )
