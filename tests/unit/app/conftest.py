"""Loading an app changes the process: its modules, its path, its finders. These tests undo that."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def imports_as_before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules of the projects under test, and remove what waits for imports."""
    path, finders, modules = sys.path[:], sys.meta_path[:], dict(sys.modules)
    yield
    for finder in sys.meta_path[:]:
        remove = getattr(finder, "remove", None)
        if finder not in finders and remove is not None:
            remove()
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - set(modules):
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path_factory.getbasetemp())):
            del sys.modules[name]
