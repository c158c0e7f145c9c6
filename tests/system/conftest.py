"""What system tests share: the environment in which the applications under test are installed."""

import sys
from pathlib import Path

import pytest

from tests.conftest import TESTS


@pytest.fixture(scope="session")
def apps_python() -> Path:
    """Return the interpreter of the environment that has tests/requirements-apps.txt."""
    python = TESTS / ".environments" / "apps" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is missing; make it with `make setup`")
    return python


@pytest.fixture(scope="session")
def tools_python() -> Path:
    """Return the interpreter of these tests; it has Flask, as everybody who installs Trivet."""
    return Path(sys.executable)
