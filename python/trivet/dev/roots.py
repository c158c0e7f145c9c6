"""Where the project's own code lies: its directory, and packages installed in editable mode."""

from __future__ import annotations

import json
import os
import sysconfig
from pathlib import Path

import trivet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def project_roots(directory: Path, import_directory: Path) -> tuple[Path, ...]:
    """The project's directory first, then what else is edited and not installed.

    `import_directory` is what the app's module is imported from, which may lie elsewhere when APP
    is a path. A folder inside another one is not named again.
    """
    roots = [directory.resolve()]
    for root in [import_directory.resolve(), *_editable_installs()]:
        if not any(root == known or known in root.parents for known in roots):
            roots.append(root)
    return tuple(roots)


def _editable_installs() -> Iterator[Path]:
    """The source folders of `pip install -e` (PEP 610: direct_url.json), but for Trivet's own."""
    own = Path(trivet.__file__).resolve()
    for key in ("purelib", "platlib"):
        folder = sysconfig.get_path(key)
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if not name.endswith(".dist-info"):
                continue
            source = _editable_source(os.path.join(folder, name, "direct_url.json"))
            if source is not None and source.is_dir() and source not in own.parents:
                yield source


def _editable_source(path: str) -> Path | None:
    from urllib.parse import unquote, urlsplit

    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError):
        return None
    if not told.get("dir_info", {}).get("editable"):
        return None
    url = urlsplit(told.get("url", ""))
    return Path(unquote(url.path)).resolve() if url.scheme == "file" else None
