"""Real frameworks start no server of their own when Trivet loads a module that calls `run`."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TESTS
from trivet.app.run_guard import RUNNERS

UNGUARDED = TESTS / "apps" / "unguarded"

SAMPLES = {
    "aiohttp_app.py": ["aiohttp.web"],
    "bottle_app.py": ["bottle"],
    "dash_app.py": ["dash.dash"],
    "flask_app.py": ["flask.app"],
    "flask_socketio_app.py": ["flask_socketio"],
    "flask_subclass.py": ["flask.app"],
    "quart_app.py": ["quart.app"],
    "trivet_app.py": ["trivet.api"],
    "uvicorn_app.py": ["uvicorn.main"],
    "waitress_app.py": ["waitress"],
    "werkzeug_server.py": ["werkzeug.serving"],
}
"""File → the modules of the table RUNNERS that it shows."""

LOAD = """
import json, sys
from pathlib import Path
from trivet.app.load import load_app
from trivet.app.run_guard import guard_run
from trivet.errors import AppNotCallable
from trivet.project.find_app import find_app
from trivet.startup import Startup

guard = guard_run()
try:
    load_app(find_app(sys.argv[1], Path.cwd(), {}), Startup(), environ={}, guard=guard)
except AppNotCallable:
    pass  # an ASGI application is refused, but only after its import
print(json.dumps([[ignored.place, ignored.call] for ignored in guard.ignored]))
"""


def expected(file: Path) -> list[list[str]]:
    """Places and calls that a sample marks with a comment, in order."""
    marks = [re.search(r"# ignored: (.*)$", line) for line in file.read_text().splitlines()]
    return [[f"{file.name}:{number}", mark[1]] for number, mark in enumerate(marks, 1) if mark]


@pytest.mark.system
@pytest.mark.parametrize("sample", SAMPLES)
def test_an_unguarded_run_does_nothing_and_is_reported_with_file_and_line(
    sample: str, apps_python: Path, trivet_folder: Path
) -> None:
    result = subprocess.run(
        [str(apps_python), "-c", LOAD, sample],
        cwd=UNGUARDED,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(trivet_folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == expected(UNGUARDED / sample)


def test_every_module_of_the_table_has_a_sample() -> None:
    shown = {module for modules in SAMPLES.values() for module in modules}
    missing = sorted({runner.module for runner in RUNNERS} - shown)
    assert not missing, f"add to tests/apps/unguarded and to SAMPLES a file for {missing}"


def test_every_sample_is_tested() -> None:
    files = {file.name for file in UNGUARDED.glob("*.py")}
    assert files == set(SAMPLES), "name each file of tests/apps/unguarded in SAMPLES"
