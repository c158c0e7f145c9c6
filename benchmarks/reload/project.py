"""The project that is edited: an app, its own module, and a package that is slow to import."""

from __future__ import annotations

from pathlib import Path

#: Scenario and the packages' import time in seconds.
SCENARIOS = {"hello": 0.0, "one second of imports": 1.0}

APP = """\
from flask import Flask

import heavy
import helper

app = Flask(__name__)


@app.get("/")
def index():
    return helper.value
"""

# Computes, as imports do: sleeping would leave the CPU to others.
HEAVY = """\
import time

end = time.process_time() + {seconds}
while time.process_time() < end:
    pass
"""


class Project:
    """A folder with the app, and beside it one with the installed package."""

    def __init__(self, folder: Path, import_seconds: float) -> None:
        self.folder = folder / "project"
        self.installed = folder / "site-packages"
        self.folder.mkdir(parents=True)
        self.installed.mkdir()
        (self.folder / "app.py").write_text(APP)
        (self.installed / "heavy.py").write_text(HEAVY.format(seconds=import_seconds))
        self._edits = 0
        self.save("first")

    def save(self, value: str) -> None:
        """Write the module, in turn in place and by a new name, as editors do."""
        text = f'value = "{value}"\n'
        path = self.folder / "helper.py"
        self._edits += 1
        if self._edits % 2:
            draft = self.folder / "helper.py.tmp"
            draft.write_text(text)
            draft.rename(path)
        else:
            path.write_text(text)
