"""The version in the package and the one in Cargo.toml, which the wheel gets, are the same."""

import re
from pathlib import Path

import trivet

ROOT = Path(__file__).parents[2]


def test_the_package_has_the_version_of_cargo_toml() -> None:
    # Read with a pattern, because Python 3.10 has no TOML reader.
    match = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert match is not None
    assert trivet.__version__ == match[1], (
        f'write __version__ = "{match[1]}" into python/trivet/__init__.py'
    )
