"""trivet.cli.serve: what it decides before a server starts."""

from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.cli.serve import find_app_with_path, read_settings


@pytest.mark.parametrize(
    ("toml", "arguments", "reason"),
    [
        ("app = 'shop'", [], "named in trivet.toml"),
        ("app = 'shop'", ["shop"], "named as APP"),
    ],
)
def test_the_choice_of_the_app_says_who_has_named_it(
    tmp_path: Path, toml: str, arguments: list[str], reason: str
) -> None:
    write_project(tmp_path, {"shop.py": "app = print", "trivet.toml": toml})
    assert (
        find_app_with_path(read_settings(arguments, tmp_path), tmp_path).reason
        == f"{reason}; has a value called app"
    )
