"""Is the tag that is being released the version that Cargo.toml says? `check_tag.py v0.1.0`.

Without a tag it prints the version.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def version() -> str:
    """The project's version: the one in [workspace.package] of Cargo.toml."""
    # By hand, because tomllib is not in Python 3.10.
    _, _, section = (ROOT / "Cargo.toml").read_text().partition("[workspace.package]")
    found = re.search(r'^version = "([^"]+)"', section, re.MULTILINE)
    if not found:
        raise SystemExit("Cargo.toml: no version in [workspace.package]")
    return found[1]


def main(tag: str) -> int:
    """0 when the tag fits and the changelog has a section for it, else 1."""
    wanted = version()
    complaints = []
    if tag != f"v{wanted}":
        complaints.append(f"the tag is {tag}, Cargo.toml says {wanted}: expected the tag v{wanted}")
    if f"\n## [{wanted}]" not in (ROOT / "CHANGELOG.md").read_text():
        complaints.append(f"CHANGELOG.md: no section [{wanted}]")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return int(bool(complaints))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(version())
    else:
        sys.exit(main(sys.argv[1]))
