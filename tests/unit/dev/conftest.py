"""A session of development for one test."""

from pathlib import Path

import pytest

from tests.unit.dev.pages import dev_session
from trivet.dev.session import DevSession


@pytest.fixture
def session(tmp_path: Path) -> DevSession:
    return dev_session(tmp_path)
