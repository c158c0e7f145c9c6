"""Reading the settings of a start imports nothing that is slow to import and not needed for it."""

import os
import subprocess
import sys
from pathlib import Path

# Each costs between 2 and 10 ms of every start, and is needed only for errors, help or files.
SLOW = {
    "typing",
    "argparse",
    "json",
    "tomllib",
    "difflib",
    "textwrap",
    "shutil",
    "logging",
    "asyncio",
}

PROGRAM = """
import sys
before = set(sys.modules)
from trivet.cli.flags import parse_flags
from trivet.settings.resolve import resolve
parsed = parse_flags("serve", ["shop:app", "-w", "4", "--keep-alive=5s"], "serve")
resolve(flags=parsed.flags, keywords={}, environ={"PORT": "80"}, directory=sys.argv[1])
print(*sorted(set(sys.modules) - before))
"""


def imported_by(program: str, *arguments: str) -> set[str]:
    """The names of the modules that a program of one Python process prints."""
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return set(result.stdout.split())


def test_reading_settings_imports_nothing_slow(tmp_path: Path) -> None:
    imported = imported_by(PROGRAM, str(tmp_path))
    assert "trivet.settings.resolve" in imported
    assert imported & SLOW == set(), "import it inside the function that needs it"


def test_importing_trivet_imports_nothing_else() -> None:
    program = """
import sys
before = set(sys.modules)
import trivet
print(*set(sys.modules) - before)
"""
    assert imported_by(program) == {"trivet"}
