"""The command lines of the commands for a running server."""

import pytest

from trivet.cli.commands import HelpWanted
from trivet.cli.running_server import read_arguments
from trivet.errors import UsageError


def test_flags_and_words_are_told_apart() -> None:
    request = read_arguments("scale", ["4", "--pid=7", "--control", "/run/x", "--json"], ["NUMBER"])
    assert request.words == ["4"]
    assert request.flags == {"--pid": "7", "--control": "/run/x", "--json": ""}
    assert request.as_json


@pytest.mark.parametrize(
    ("arguments", "words", "complaint"),
    [
        ([], ["NUMBER"], "needs NUMBER"),
        (["4", "5"], ["NUMBER"], "takes no 5"),
        (["shop"], [], "takes no shop"),
        (["--pid"], [], "--pid needs a value"),
        (["--jsn"], [], "has no flag --jsn"),
    ],
)
def test_what_cannot_be_understood_is_told(
    arguments: list[str], words: list[str], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_arguments("ps", arguments, words)


def test_the_help_has_every_flag() -> None:
    with pytest.raises(HelpWanted) as wanted:
        read_arguments("stacks", ["--help"], own={"--all": ("", "Everything.")})
    for flag in ("--control PATH", "--pid PID", "--config FILE", "--json", "--all", "--help"):
        assert flag in wanted.value.text
