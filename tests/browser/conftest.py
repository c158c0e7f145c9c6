"""A real Chromium, driven by Playwright, and `trivet dev` to point it at.

`browser` is one for all tests; `new_page` opens tabs in profiles of their own. Skipped where there
is no Chromium.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.serving.addresses import TcpAddress, free_tcp_address
from tests.serving.process import ServerProcess

SHOP = Path(__file__).parent / "shop"
PICTURES = Path(__file__).parents[2] / "docs" / "images"

#: Generous, because the machine may be busy; nothing waits this long when all is well.
PATIENCE_MILLISECONDS = 20_000

PASSED_ON = ("PATH", "HOME", "LANG")


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


class DevSite:
    """A project's copy, which a test may edit, and the `trivet dev` that serves it."""

    def __init__(
        self, folder: Path, trivet_folder: Path, log: Path, *flags: str, **environment: str
    ) -> None:
        self.folder = folder
        self.address: TcpAddress = free_tcp_address()
        command = [sys.executable, "-m", "trivet", "dev", "--bind", self.address.bind, *flags]
        self.process = ServerProcess(
            command,
            addresses=[self.address],
            directory=folder,
            environment={
                **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
                "PYTHONPATH": str(trivet_folder),
                "PYTHONUNBUFFERED": "1",
                **environment,
            },
            output_path=log,
        )

    def url(self, path: str = "/") -> str:
        return f"http://{self.address.authority}{path}"

    @property
    def console_link(self) -> str:
        """The link that the start prints, which opens the console."""
        link = re.search(r"http://\S+/-/trivet/open\?token=[\w-]+", self.process.output)
        assert link is not None, self.process.output
        return link[0]

    @property
    def token(self) -> str:
        return self.console_link.partition("token=")[2]

    def edit(self, name: str, before: str, after: str) -> None:
        """Change a text in a file, as an editor does: at once, by a new name."""
        path = self.folder / name
        text = path.read_text()
        assert before in text
        draft = path.with_name(f".{path.name}.tmp")
        draft.write_text(text.replace(before, after))
        draft.rename(path)


StartSite = Callable[..., DevSite]


@pytest.fixture(scope="session")
def start_site(
    tmp_path_factory: pytest.TempPathFactory, trivet_folder: Path
) -> Iterator[StartSite]:
    """Start `trivet dev` on a copy of the shop; flags, and variables as keywords."""
    with ExitStack() as stack:

        def start(*flags: str, **environment: str) -> DevSite:
            folder = tmp_path_factory.mktemp("site")
            project = folder / "shop"
            shutil.copytree(SHOP, project, ignore=shutil.ignore_patterns("__pycache__"))
            log = folder / "output.log"
            site = DevSite(project, trivet_folder, log, *flags, **environment)
            stack.callback(site.process.clean_up)
            site.process.wait_until_listening()
            site.process.wait_for_output("dev-started")
            return site

        yield start


@pytest.fixture(scope="session")
def shop(start_site: StartSite) -> DevSite:
    """The shop, for tests that change nothing in it."""
    return start_site(TRIVET_EDITOR="code")
