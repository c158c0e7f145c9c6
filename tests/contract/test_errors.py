"""The tree in the docstring of trivet.errors and the classes below it say the same."""

import re

from trivet import errors
from trivet.errors import TrivetError

LINE = re.compile(
    r"^[ │├└─]*(?P<indent>)(?P<class_>\w+)\s+(?P<name>[a-z]+(?:-[a-z]+)+)(?:\s+(?P<code>\d+))?"
)


def drawn() -> dict[str, tuple[str, str | None]]:
    """Class → (name, exit code if drawn), from the docstring."""
    lines = (LINE.match(line) for line in (errors.__doc__ or "").splitlines())
    return {match["class_"]: (match["name"], match["code"]) for match in lines if match}


def declared() -> dict[str, type[TrivetError]]:
    return {
        name: thing
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, TrivetError) and thing is not TrivetError
    }


def test_every_error_is_in_the_tree_of_the_docstring() -> None:
    assert set(declared()) == set(drawn()), "draw the tree at the top of trivet/errors.py again"


def test_the_tree_has_each_error_s_name_and_exit_code() -> None:
    for class_name, (name, code) in drawn().items():
        error_class = declared()[class_name]
        assert (error_class.name, str(error_class.exit_code)) == (
            name,
            code or str(error_class.exit_code),
        ), f"correct the line of {class_name} at the top of trivet/errors.py"
