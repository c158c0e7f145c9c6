"""FLASK_APP as a project's `.env` and `.flaskenv` have it; sets nothing in the environment.

`flask run` loads both files whole when python-dotenv is installed. A production server must not:
`.flaskenv` is where FLASK_DEBUG=1 is kept, and where the process manager's environment ends would
depend on files lying about. But which application the project is, the files may say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FLASK_APP = "FLASK_APP"

FILES = (".env", ".flaskenv")
"""Best first, as Flask has them."""

FALSE_WORDS = frozenset({"", "0", "false", "no"})
"""What Flask takes for "off" in FLASK_DEBUG and FLASK_SKIP_DOTENV, in lower case."""

# Quoted, or up to a comment; python-dotenv reads the same lines so.
_LINE = re.compile(
    r"""^\s*(?:export\s+)?FLASK_APP\s*=\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*?))\s*(?:\s\#.*)?$""",
    re.MULTILINE,
)


def flask_app_in_files(directory: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the value of FLASK_APP and the name of the file that has it; both empty if none."""
    if environ.get("FLASK_SKIP_DOTENV", "").lower() not in FALSE_WORDS:
        return "", ""
    for name in FILES:
        try:
            text = (directory / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        lines = _LINE.findall(text)
        if lines:
            return "".join(lines[-1]), name
    return "", ""
