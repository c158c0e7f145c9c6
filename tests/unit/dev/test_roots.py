"""trivet.dev.roots and trivet.dev.imported: whose code it is."""

import json
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from trivet.dev import imported
from trivet.dev.roots import project_roots


def test_the_project_comes_first_and_folders_inside_it_are_not_named_again(tmp_path: Path) -> None:
    inside = tmp_path / "src"
    inside.mkdir()
    assert project_roots(tmp_path, inside)[0] == tmp_path
    assert inside not in project_roots(tmp_path, inside)


def test_an_editable_install_is_a_root_and_an_ordinary_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, edited, project = (tmp_path / name for name in ("site", "my lib", "project"))
    for folder in (installed, edited, project):
        folder.mkdir()
    for name, told in {
        "edited": {"url": edited.as_uri(), "dir_info": {"editable": True}},
        "copied": {"url": project.as_uri(), "dir_info": {}},
    }.items():
        metadata = installed / f"{name}-1.dist-info"
        metadata.mkdir()
        (metadata / "direct_url.json").write_text(json.dumps(told))
    (installed / "broken-1.dist-info").mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda key: str(installed))
    assert project_roots(project, project) == (project, edited)


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/shop/views.py", True),
        ("/shop/.venv/lib/python3.11/site-packages/flask/app.py", False),
        ("/shop/venv/tool.py", False),
        ("/elsewhere/module.py", True),
        ("/usr/lib/python3/dist-packages/yaml.py", False),
        (json.__file__, False),
        (imported.__file__, False),
        ("<string>", False),
    ],
)
def test_a_file_is_the_projects_or_a_librarys(file: str, own: bool) -> None:
    assert imported.is_project_file(file, ["/shop"]) is own


def test_modules_from_outside_keep_the_order_of_their_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.machinery import ModuleSpec

    def add(name: str, file: str) -> None:
        module = ModuleType(name)
        module.__file__ = file
        module.__spec__ = ModuleSpec(name, None, origin=file)
        monkeypatch.setitem(sys.modules, name, module)

    before = list(sys.modules)
    site = "/env/lib/site-packages"
    add("zebra_outside", f"{site}/zebra_outside.py")
    add("shop_of_mine", "/shop/shop_of_mine.py")
    add("apple_outside", f"{site}/apple_outside.py")
    assert imported.outside_modules(["/shop"], before) == ["zebra_outside", "apple_outside"]
    assert "shop_of_mine" in imported.own_names(["/shop"])
    assert "/shop/shop_of_mine.py" in imported.project_files(["/shop"])
