"""`trivet dev` on a project that a test edits: save files, wait for what it tells, ask it."""

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

APP = """\
import os
import helper

def app(environ, start_response):
    body = f"{helper.value} {os.getpid()}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class DevServer:
    """A project folder, and the `trivet dev` that serves it."""

    def __init__(
        self,
        start_command: Callable[..., ServerProcess],
        folder: Path,
        trivet_folder: Path,
        files: dict[str, str],
        *flags: str,
        outside: dict[str, str] | None = None,
        **environment: str,
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for name, text in {"app.py": APP, "helper.py": "value = 'first'\n", **files}.items():
            self.save(text, name)
        installed = folder.parent / "site-packages"
        installed.mkdir(exist_ok=True)
        for name, text in (outside or {}).items():
            (installed / name).write_text(text)
        self.address: TcpAddress = free_tcp_address()
        self.process = start_command(
            [
                *(sys.executable, "-m", "trivet", "dev", "app:app"),
                *("--bind", self.address.bind, "--log-level", "debug", *flags),
            ],
            folder,
            [self.address],
            PYTHONPATH=f"{trivet_folder}{os.pathsep}{installed}",
            **environment,
        )
        self._numbers = itertools.count(1)
        self.process.wait_for_output("dev-started")

    def wait_until_ready(self) -> None:
        """Return when the first worker has loaded the app, and the warm parent will be used."""
        self.process.wait_for_output("dev-warm")

    def save(self, text: str, name: str = "helper.py") -> None:
        """Write a file as an editor does: at once, by a new name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.tmp")
        draft.write_text(text)
        draft.rename(path)

    def count(self, event: str) -> int:
        return self.process.output.count(f" {event} ")

    def wait_for(self, event: str, count: int) -> None:
        """Return when an event has been told so many times in all."""
        self.process.wait_until(lambda: self.count(event) >= count, f"{event} comes {count} times")

    def edit(self, text: str, expect: str = "dev-reloaded", name: str = "helper.py") -> None:
        """Save, and return when what the supervisor is expected to tell has been told once more."""
        before = self.count(expect)
        self.save(text, name)
        self.wait_for(expect, before + 1)

    def get(self, target: str = "/") -> tuple[int, str]:
        with Wire(self.address) as wire:
            answer = wire.exchange("GET", target)
        return answer.status, answer.body.decode()
