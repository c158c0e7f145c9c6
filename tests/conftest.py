"""Fixtures and options of the tests that start servers; other tests get nothing from here."""

import importlib.util
import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.serving.addresses import Address, free_tcp_address
from tests.serving.kinds import KINDS, Launch, server_environment
from tests.serving.process import ServerProcess

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent

# An example that takes long on a busy machine is no fault; everything else as it was.
settings.register_profile(
    "busy-machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy-machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("servers")
    group.addoption(
        "--server-kind",
        action="append",
        choices=list(KINDS),
        help="server under test; may be given again (default: all in tests/compliance, "
        "trivet in tests/system)",
    )
    group.addoption(
        "--full-size",
        action="store_true",
        help="run load and memory tests at the sizes that are promised, not at a part of them",
    )


def pytest_configure() -> None:
    # In a shell's background INT and QUIT are ignored, under nohup HUP is, and whatever is started
    # inherits that (POSIX, Shell Command Language, 2.11): none would reach a program under test.
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGQUIT, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("--server-kind")
    for fixture, default in (("server_kind", list(KINDS)), ("served_kind", ["trivet"])):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, chosen or default, scope="session")


@pytest.fixture(scope="session")
def full_size(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--full-size"))


@pytest.fixture(scope="session")
def trivet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package under test and nothing else, for PYTHONPATH.

    So any environment can run this Trivet, wherever it was built or installed, and sees no
    other package of the environment that the tests run in.
    """
    specification = importlib.util.find_spec("trivet")
    if specification is None or not specification.submodule_search_locations:
        pytest.fail("trivet cannot be imported: build it with `make build`")
    folder = tmp_path_factory.mktemp("trivet")
    (folder / "trivet").symlink_to(Path(specification.submodule_search_locations[0]).resolve())
    return folder


class StartServer(Protocol):
    """Starts a server and returns when it listens; all keywords are those of `Launch`."""

    def __call__(
        self,
        kind: str,
        target: str,
        directory: Path,
        *,
        addresses: list[Address] | None = None,
        **more: Any,
    ) -> ServerProcess: ...


@pytest.fixture(scope="session")
def start_server_for_session(
    tmp_path_factory: pytest.TempPathFactory, trivet_folder: Path
) -> Iterator[StartServer]:
    yield from starting_servers(tmp_path_factory.mktemp("servers"), trivet_folder)


@pytest.fixture
def start_server(tmp_path: Path, trivet_folder: Path) -> Iterator[StartServer]:
    yield from starting_servers(tmp_path, trivet_folder)


def starting_servers(folder: Path, trivet_folder: Path) -> Iterator[StartServer]:
    """Yield a function that starts servers; end at the end whatever it started."""
    started: list[ServerProcess] = []
    numbers = itertools.count(1)

    def start(
        kind: str,
        target: str,
        directory: Path,
        *,
        addresses: list[Address] | None = None,
        python: Path = Path(sys.executable),
        **more: Any,
    ) -> ServerProcess:
        launch = Launch(
            python=python,
            target=target,
            directory=directory,
            addresses=addresses or [free_tcp_address()],
            **more,
        )
        server = ServerProcess(
            KINDS[kind].command(launch),
            addresses=launch.addresses,
            directory=directory,
            environment=server_environment(trivet_folder, launch.environment),
            output_path=folder / f"{kind}-{next(numbers)}.log",
        )
        started.append(server)
        server.wait_until_listening()
        return server

    try:
        yield start
    finally:
        for server in started:
            server.clean_up()


@pytest.fixture
def start_command(tmp_path: Path, trivet_folder: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start any command as a server, for tests of the command line itself."""
    started: list[ServerProcess] = []
    numbers = itertools.count(1)

    def start(
        command: list[str], directory: Path, addresses: list[Address], **environment: str
    ) -> ServerProcess:
        server = ServerProcess(
            command,
            addresses=addresses,
            directory=directory,
            environment=server_environment(trivet_folder, environment),
            output_path=tmp_path / f"command-{next(numbers)}.log",
        )
        started.append(server)
        return server

    try:
        yield start
    finally:
        for server in started:
            server.clean_up()
