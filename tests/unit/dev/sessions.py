"""A session of `trivet dev` for tests; each says only what matters to it."""

import tempfile
from pathlib import Path
from typing import Any

from trivet.dev.session import DevSession


def make_session(**differently: Any) -> DevSession:
    values: dict[str, Any] = {
        "token": "secret-token",
        "state_directory": Path(tempfile.gettempdir()),
        "project_roots": (Path.cwd(),),
        "console": True,
        "console_off_reason": "",
        "locals_shown": True,
        "refresh": True,
        "editor": "",
        "path_map": (),
        "urls": ("http://127.0.0.1:8000",),
        "app_name": "shop:app",
    }
    return DevSession(**{**values, **differently})
