"""Where modules are and what they are called."""

import sys
from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.project.modules import find, of_file


def test_a_file_alone_is_a_module_of_its_directory(tmp_path: Path) -> None:
    write_project(tmp_path, {"app.py": ""})
    module = of_file(tmp_path / "app.py")
    assert (module.name, module.directory) == ("app", tmp_path)


def test_a_file_in_packages_is_named_from_the_topmost_one(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/__init__.py": "", "shop/web/__init__.py": ""})
    module = of_file(tmp_path / "shop/web/wsgi.py")
    assert (module.name, module.directory) == ("shop.web.wsgi", tmp_path)


def test_the_file_of_a_package_is_the_package(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/__init__.py": ""})
    assert of_file(tmp_path / "shop/__init__.py").name == "shop"


def test_a_top_makes_folders_without_init_parts_of_the_name(tmp_path: Path) -> None:
    assert of_file(tmp_path / "config/wsgi.py", top=tmp_path).name == "config.wsgi"


def test_symbolic_links_are_kept_so_that_a_deployment_can_turn_them_over(tmp_path: Path) -> None:
    write_project(tmp_path, {"releases/1/app.py": ""})
    (tmp_path / "current").symlink_to("releases/1")
    assert of_file(tmp_path / "current/app.py").directory == tmp_path / "current"


def test_a_module_is_found_in_the_directory(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/__init__.py": "", "shop/wsgi.py": ""})
    module = find("shop.wsgi", tmp_path)
    assert module is not None
    assert (module.directory, module.file) == (tmp_path, tmp_path / "shop/wsgi.py")


def test_a_module_is_found_in_the_src_layout(tmp_path: Path) -> None:
    write_project(tmp_path, {"src/shop/__init__.py": ""})
    module = find("shop", tmp_path)
    assert module is not None
    assert module.directory == tmp_path / "src"


def test_an_installed_module_is_found_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = write_project(
        tmp_path / "installed",
        {"installed_shop/__init__.py": "raise AssertionError", "installed_shop/wsgi.py": ""},
    )
    monkeypatch.syspath_prepend(installed)
    module = find("installed_shop.wsgi", tmp_path)
    assert module is not None
    assert module.file == installed / "installed_shop/wsgi.py"
    assert "installed_shop" not in sys.modules


def test_a_module_that_is_nowhere_is_none(tmp_path: Path) -> None:
    assert find("no_such_shop.wsgi", tmp_path) is None


def test_a_part_of_an_installed_package_that_is_nowhere_is_left_to_the_import(
    tmp_path: Path,
) -> None:
    module = find("pytest.no_such_part", tmp_path)
    assert module is not None
    assert module.file is None
