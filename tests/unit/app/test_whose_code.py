"""Whose a source file is."""

import json
import os
import sys

import pytest

import trivet.startup
from trivet.app.whose_code import (
    is_import_system,
    is_library,
    is_of_trivet,
    is_standard_library,
    package_of,
)


def test_trivets_own_files_are_its_own() -> None:
    assert is_of_trivet(trivet.startup.__file__)
    assert not is_of_trivet("/srv/shop/app.py")


def test_the_standard_library_is_a_library_frozen_or_not() -> None:
    assert is_standard_library(json.__file__)
    assert is_standard_library("<frozen os>")
    assert is_library(json.__file__)


def test_what_lies_beside_installed_commands_is_installed() -> None:
    file = os.path.join(sys.prefix, "bin", "bottle.py")
    assert is_library(file)
    assert package_of(file) == "bottle"


def test_an_installed_package_is_a_library_and_not_pythons() -> None:
    file = os.path.join(os.path.dirname(os.__file__), "site-packages", "flask", "app.py")
    assert is_library(file)
    assert not is_standard_library(file)
    assert package_of(file) == "flask"


@pytest.mark.parametrize(
    "file", ["/usr/lib/python3/dist-packages/six.py", "/srv/venv/lib/site-packages/six.py"]
)
def test_a_package_of_one_file_is_named_without_its_ending(file: str) -> None:
    assert package_of(file) == "six"


def test_a_project_is_no_library() -> None:
    assert not is_library("/srv/shop/app.py")


def test_the_import_system_is_known() -> None:
    assert is_import_system("<frozen importlib._bootstrap>")
    assert is_import_system(os.path.join(os.path.dirname(os.__file__), "importlib/__init__.py"))
    assert not is_import_system("/srv/importlib/app.py")
