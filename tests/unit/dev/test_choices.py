"""trivet.dev.choices: what the start screen says about the choices of a start."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.dev.choices import (
    errors_in_words,
    framework_in_words,
    program_in_words,
    reach_in_words,
)
from trivet.project.find_app import find_app


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"app.py": "from flask import Flask\napp = Flask(__name__)"},
            f"Flask {version('flask')}",
        ),
        (
            {"app.py": "from shop import app", "shop/__init__.py": "import flask\napp = 1"},
            f"Flask {version('flask')}",
        ),
        (
            {
                "app.py": "import os, shop.start as start\nfrom shop.start import app",
                "shop/__init__.py": "",
                "shop/start/__init__.py": "from .. import views\nfrom .factory import app",
                "shop/start/factory.py": "app = 1",
                "shop/views.py": "import bottle",
            },
            f"Bottle {version('bottle')}",
        ),
        ({"app.py": "import app\nimport nowhere\napp = 1"}, ""),
        ({"app.py": "def app(environ, start_response): ..."}, ""),
    ],
)
def test_the_framework_is_what_the_app_imports_be_it_by_way_of_other_modules(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    choice = find_app("app:app", write_project(tmp_path, files), {})
    assert framework_in_words(choice) == words


def test_who_can_visit_is_said() -> None:
    assert reach_in_words("127.0.0.1", lan=False).startswith("this machine only")
    assert reach_in_words("0.0.0.0", lan=True) == "everybody in this network"
    assert reach_in_words("0.0.0.0", lan=False) == ""


def test_a_missing_console_has_its_reason() -> None:
    assert errors_in_words(console=False, why_no_console="--lan") == (
        "in the browser, without console (--lan)"
    )


def test_another_environment_than_the_projects_own_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program_in_words(tmp_path) == ""
    write_project(tmp_path, {".venv/pyvenv.cfg": "home = /usr/bin"})
    assert program_in_words(tmp_path).startswith(".venv in this directory is not active")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert program_in_words(tmp_path) == ""
