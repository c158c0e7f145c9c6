"""Which of the imported modules are the project's, and which come from outside; read-only."""

from __future__ import annotations

import sys

from trivet.app.whose_code import is_library, is_of_trivet
from trivet.dev.project_files import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType


def outside_modules(roots: Sequence[str], before: Iterable[str]) -> list[str]:
    """Names of modules that lie outside the project, in the order of their import.

    Those that were there `before` the app was loaded are left out: every process has them.
    """
    known = set(before)
    return [
        name
        for name, module in list(sys.modules.items())
        if name not in known and _can_be_imported_alone(name, module) and not is_own(module, roots)
    ]


def project_files(roots: Sequence[str]) -> list[str]:
    """The source files of the project's modules."""
    return [file for module in list(sys.modules.values()) if (file := own_file(module, roots))]


def own_names(roots: Sequence[str]) -> list[str]:
    """The top-level names of the project's modules."""
    names = (name for name, module in list(sys.modules.items()) if is_own(module, roots))
    return sorted({name.partition(".")[0] for name in names})


def is_own(module: ModuleType, roots: Sequence[str]) -> bool:
    """Whether a module belongs to the project: a change of it must be seen."""
    return any(is_project_file(place, roots) for place in _places(module))


def own_file(module: ModuleType, roots: Sequence[str]) -> str:
    """The module's source file when that is the project's, or nothing."""
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) and is_project_file(file, roots) else ""


def is_project_file(file: str, roots: Sequence[str]) -> bool:
    """Whether a file is neither Python's, nor an installed package's, nor Trivet's.

    Also a file outside `roots` counts, such as one that sys.path leads to: better to import
    it again than to miss a change.
    """
    if is_of_trivet(file) or file.startswith("<"):
        return False
    if any(file.startswith(root.rstrip("/") + "/") for root in roots):
        inside = next(file[len(root) :] for root in roots if file.startswith(root))
        return not any(part in NEVER for part in inside.split("/"))
    return not is_library(file)


def _places(module: ModuleType) -> Iterator[str]:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        yield file
        return
    # A namespace package has no file, but folders (PEP 420).
    try:
        yield from (f"{folder}/" for folder in getattr(module, "__path__", ()) or ())
    except Exception:  # noqa: BLE001 - objects in sys.modules can be anything
        return


def _can_be_imported_alone(name: str, module: ModuleType) -> bool:
    """Whether `import name` in another process would give the same module."""
    spec = getattr(module, "__spec__", None)
    # six.moves and its like have names that no finder knows, or no specification.
    return (
        name != "__main__"
        and spec is not None
        and getattr(spec, "name", None) == name
        and getattr(spec, "origin", None) is not None
    )
