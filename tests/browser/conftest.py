"""A real Chromium, driven by Playwright, and servers to point it at; skipped where there is none.

`browser` is one for all tests; `page` is a new tab in a profile of its own. A test that expects
errors in the browser's console says so with `expected_console_errors`.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address

BROWSER = Path(__file__).parent
SHOP = BROWSER / "shop"
PICTURES = BROWSER.parent.parent / "docs" / "images"
TOKEN = "the-token-of-this-start-1234567890"

#: Generous, because the machine may be busy; nothing waits this long when all is well.
PATIENCE_MILLISECONDS = 20_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("chromium is not installed (tools/debian-packages.txt)")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=executable,
            # Containers run as root without user namespaces; pages come from our own servers only.
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a tab in a new profile; keywords are those of Playwright's new_context()."""
    with ExitStack() as stack:

        def open_page(**options: Any) -> Any:
            context = browser.new_context(**options)
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            return context.new_page()

        yield open_page


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    return new_page()


@dataclass(frozen=True)
class DebuggedServer:
    """The shop behind the error page."""

    address: TcpAddress
    state_directory: Path
    token: str = TOKEN

    def url(self, path: str = "/") -> str:
        return f"http://{self.address.authority}{path}"


@pytest.fixture(scope="session")
def start_debugged(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., DebuggedServer]]:
    """Start an app behind the error page; keywords: workers, directory, environment."""
    with ExitStack() as stack:

        def start(
            target: str = "app:app", *, workers: int = 1, directory: Path = SHOP, **environment: str
        ) -> DebuggedServer:
            address = free_tcp_address()
            state = tmp_path_factory.mktemp("dev-state")
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(BROWSER / "serve_with_debugger.py"),
                    target,
                    str(address.port),
                    str(workers),
                    str(state),
                    TOKEN,
                ],
                cwd=directory,
                env=server_environment(environment),
                stdin=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 20)
            assert process.stdin is not None
            stack.callback(process.stdin.close)  # which ends it
            wait_until_listening(address, process)
            return DebuggedServer(address, state)

        yield start


def server_environment(more: dict[str, str]) -> dict[str, str]:
    import os

    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    paths = [str(BROWSER.parent.parent / "python")]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1", **more}


def wait_until_listening(address: TcpAddress, process: subprocess.Popen[bytes]) -> None:
    """Return when the server accepts; fail when it has ended instead."""
    import time

    while True:
        try:
            address.connect().close()
            return
        except OSError:
            assert process.poll() is None, "the server ended before it listened"
            time.sleep(0.01)  # a listening socket sends no signal; the end of the process ends this


@pytest.fixture(scope="session")
def shop(start_debugged: Callable[..., DebuggedServer]) -> DebuggedServer:
    return start_debugged(TRIVET_EDITOR="code")
