"""The WSGI file of a Django project."""

from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.project.django import find_django

MANAGE = """
import os
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")
"""


@pytest.mark.parametrize(
    ("settings", "wsgi"),
    [
        ("shop.settings", "shop/wsgi.py"),
        ("config.settings.production", "config/wsgi.py"),
        ("config.settings.production", "config/settings/wsgi.py"),
        ("settings", "wsgi.py"),
    ],
)
def test_wsgi_py_is_beside_the_settings_or_further_up(
    tmp_path: Path, settings: str, wsgi: str
) -> None:
    write_project(tmp_path, {"manage.py": MANAGE.format(settings=settings), wsgi: ""})
    assert find_django(tmp_path, {}).wsgi_file == tmp_path / wsgi


def test_the_variable_of_the_environment_goes_before_manage_py(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {"manage.py": MANAGE.format(settings="one.settings"), "one/wsgi.py": "", "two/wsgi.py": ""},
    )
    found = find_django(tmp_path, {"DJANGO_SETTINGS_MODULE": "two.settings"})
    assert found.wsgi_file == tmp_path / "two/wsgi.py"


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({}, "manage.py: not there"),
        ({"manage.py": "print('other')"}, "manage.py: sets no DJANGO_SETTINGS_MODULE"),
        ({"manage.py": "def ("}, "manage.py: sets no DJANGO_SETTINGS_MODULE"),
        (
            {"manage.py": MANAGE.format(settings="shop.settings")},
            "manage.py: no wsgi.py beside the settings shop.settings",
        ),
    ],
)
def test_what_is_missing_is_noted(tmp_path: Path, files: dict[str, str], note: str) -> None:
    found = find_django(write_project(tmp_path, files), {})
    assert (found.wsgi_file, found.note) == (None, note)
