"""What a person is told to do about an exception of their own code."""

from pathlib import Path

from tests.unit.app.loading import failure


def test_a_module_beside_the_importing_one_is_pointed_out(tmp_path: Path) -> None:
    files = {"side/__init__.py": "", "side/wsgi.py": "import models", "side/models.py": ""}
    error = failure(tmp_path, files, "side.wsgi")
    assert error.hint == "models.py is beside wsgi.py: `from . import models` finds it"


def test_a_missing_part_of_a_present_package_has_no_hint_to_install_it(tmp_path: Path) -> None:
    files = {"present/__init__.py": "", "present/wsgi.py": "import present.models"}
    assert failure(tmp_path, files, "present.wsgi").hint is None


def test_a_missing_variable_of_the_environment_is_named(tmp_path: Path) -> None:
    files = {"wants.py": "import os\nos.environ['SHOP_DATABASE']\n"}
    error = failure(tmp_path, files, "wants")
    assert str(error) == "importing wants failed: KeyError: 'SHOP_DATABASE'"
    assert error.hint is not None
    assert error.hint.startswith("set SHOP_DATABASE in the environment")


def test_a_key_error_of_a_dictionary_has_no_such_hint(tmp_path: Path) -> None:
    assert failure(tmp_path, {"wants2.py": "{}['SHOP']\n"}, "wants2").hint is None
