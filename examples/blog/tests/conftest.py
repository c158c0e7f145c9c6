"""A blog with an empty database for each test, and a visitor's browser for it."""

import re
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

sys.path.insert(0, str(Path(__file__).parent.parent))

from blog import create_app


class Visitor:
    """A browser that fills in forms: it reads the form's token from the page before it sends."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def read(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, path: str, form_page: str | None = None, **fields: str) -> tuple[int, str]:
        """Send a form, follow redirects, and return the last status and page."""
        token = re.search(r'name="form_token" value="(\w+)"', self.read(form_page or path))
        assert token is not None
        data = {**fields, "form_token": token[1]}
        answer = self.client.post(path, data=data, follow_redirects=True)
        return answer.status_code, answer.text

    def register(self, name: str) -> None:
        status, page = self.send("/register", name=name, password="correct horse")
        assert (status, f"Welcome, {name}." in page) == (200, True)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app({"DATABASE": str(tmp_path / "blog.sqlite"), "TESTING": True})


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def another_visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())
