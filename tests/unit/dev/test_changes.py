"""trivet.dev.changes: what a file means, and whether it holds something else than before."""

import os
from pathlib import Path

import pytest

from trivet.dev import changes
from trivet.dev.changes import CSS, PYTHON, STATIC, TEMPLATE, Contents, kind_of

KINDS = {
    "shop.py": PYTHON,
    "shop/fast.so": PYTHON,
    "shop.PY": PYTHON,
    "templates/cart.html": TEMPLATE,
    "mail/welcome.jinja2": TEMPLATE,
    "templates/mail/welcome.txt": TEMPLATE,
    "static/site.css": CSS,
    "static/app.js": STATIC,
    "static/data.json": STATIC,
    "data.json": None,
    "README.md": None,
    "shop.db": None,
    "shop.pyc": None,
    "shop.py~": None,
    ".shop.py.swp": None,
    ".#shop.py": None,
    "static/.DS_Store": None,
    "templates/page.html.tmp": None,
}


@pytest.mark.parametrize("path", KINDS)
def test_the_name_says_what_a_change_means(path: str) -> None:
    assert kind_of(path) == KINDS[path]


def test_every_kind_has_a_consequence() -> None:
    named = {changes.PACKAGES, changes.CONFIGURATION}
    kinds = {*changes.KIND_OF_SUFFIX.values(), *changes.KIND_OF_FOLDER.values(), *named}
    assert kinds == set(changes.CONSEQUENCES), "say in CONSEQUENCES what a change leads to"


def test_only_other_contents_are_a_change(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text("a = 1")
    contents = Contents()
    contents.note([str(file)])
    file.touch()
    assert not contents.has_changed(str(file))
    file.write_text("a = 2")
    os.utime(file, (1, 1))
    assert contents.has_changed(str(file))
    assert not contents.has_changed(str(file))


def test_coming_and_going_are_changes(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    contents = Contents()
    contents.note([str(file)])
    assert not contents.has_changed(str(file))
    file.write_text("")
    assert contents.has_changed(str(file))
    file.unlink()
    assert contents.has_changed(str(file))


def test_a_file_in_the_middle_of_a_save_is_doubtful(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text("a = 1")
    contents = Contents()
    contents.note([str(file)])
    assert not contents.is_doubtful(str(file))
    file.write_text("")
    assert contents.is_doubtful(str(file))
    file.unlink()
    assert contents.is_doubtful(str(file))
    contents.note([str(file)])
    assert not contents.is_doubtful(str(file))


def test_a_very_large_file_is_told_by_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "HASHED_BYTES", 3)
    file = tmp_path / "film.js"
    file.write_text("12345")
    os.utime(file, (1, 1))
    contents = Contents()
    contents.note([str(file)])
    file.write_text("54321")
    os.utime(file, (1, 1))
    assert not contents.has_changed(str(file))
    os.utime(file, (2, 2))
    assert contents.has_changed(str(file))
