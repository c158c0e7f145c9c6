"""What was chosen for this start, in the words of the start screen; pure but for reading files."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.project.find_app import AppChoice

#: Frameworks by the module that is imported of them, and their distributions.
DISTRIBUTIONS: Mapping[str, tuple[str, str]] = {
    "flask": ("Flask", "flask"),
    "django": ("Django", "django"),
    "bottle": ("Bottle", "bottle"),
    "falcon": ("Falcon", "falcon"),
    "pyramid": ("Pyramid", "pyramid"),
}

_IMPORT = re.compile(r"^\s*(?:from|import)\s+([\w.]+)(?:\s+import\s+(\w+))?", re.MULTILINE)

#: An app whose factory is elsewhere is found after one or two; a large project is not read through.
MOST_FILES_READ = 30


def framework_in_words(choice: AppChoice) -> str:
    """The framework of the app and its version, such as "Flask 3.1.3"; empty when it is not seen.

    Judged by what the app's module imports, and then by what those of the project import that it
    imports: the supervisor never imports the app.
    """
    waiting, known, files = [choice.module], {choice.module}, 0
    while waiting and files < MOST_FILES_READ:
        module = waiting.pop(0)
        file, text = _source(choice.directory_to_add, module)
        files += bool(file)
        for imported, part in _IMPORT.findall(text):
            top = imported.partition(".")[0]
            if top in DISTRIBUTIONS:
                return _with_version(*DISTRIBUTIONS[top])
            full = _absolute(imported, module, is_package=file == "__init__.py")
            new = {full, f"{full}.{part}"} - known if full else set()
            known |= new
            waiting += sorted(new)
    return ""


def _source(directory: Path, module: str) -> tuple[str, str]:
    """The file of a module of the project and its text; empty when it is none of the project's."""
    base = directory.joinpath(*module.split("."))
    for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        try:
            return file.name, file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return "", ""


def _absolute(imported: str, module: str, *, is_package: bool) -> str:
    """What `from` names, without dots in front."""
    bare = imported.lstrip(".")
    levels = len(imported) - len(bare) - (1 if is_package else 0)
    if not imported.startswith("."):
        return imported
    parts = module.split(".")
    return ".".join([*parts[: len(parts) - levels], *([bare] if bare else [])])


def _with_version(name: str, distribution: str) -> str:
    try:
        return f"{name} {version(distribution)}"
    except PackageNotFoundError:
        return name


def reach_in_words(host: str, *, lan: bool) -> str:
    """Who can visit."""
    if lan:
        return "everybody in this network"
    if host in ("127.0.0.1", "::1", "localhost"):
        return "this machine only (--lan for the network)"
    return ""


def errors_in_words(*, console: bool, why_no_console: str) -> str:
    """Where errors are shown, and to whom."""
    if console:
        return "in the browser, with a console for this machine"
    return f"in the browser, without console ({why_no_console})"


def program_in_words(directory: Path) -> str:
    """How Python is run, when that is not what the project seems to want."""
    for name in (".venv", "venv"):
        inside = directory / name
        if (inside / "pyvenv.cfg").is_file() and Path(sys.prefix).resolve() != inside.resolve():
            return f"{name} in this directory is not active: {sys.prefix} runs"
    return ""
