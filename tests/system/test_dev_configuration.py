"""`trivet dev` and its files of settings and variables: a change counts at once, and is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.process import ServerProcess
from tests.system.dev_server import APP, DevServer

pytestmark = pytest.mark.system

READS_ENVIRONMENT = "import os\nvalue = os.environ.get('GREETING', 'nothing')\n"

Start = Callable[..., DevServer]


@pytest.fixture
def start(
    start_command: Callable[..., ServerProcess], tmp_path: Path, trivet_folder: Path
) -> Start:
    def start(files: dict[str, str], **environment: str) -> DevServer:
        files = {"helper.py": READS_ENVIRONMENT, **files}
        server = DevServer(
            start_command,
            tmp_path / "project",
            trivet_folder,
            files,
            **environment,  # type: ignore[arg-type]  # passed on
        )
        server.wait_until_ready()
        return server

    return start


def test_a_changed_variable_is_seen_by_new_workers_and_told_by_name_alone(start: Start) -> None:
    server = start({".env": "GREETING=secret-one\n", ".gitignore": ".env\n"})
    assert server.get()[1].startswith("secret-one ")
    server.edit("GREETING=secret-two\nMORE=1\n", name=".env")
    assert server.get()[1].startswith("secret-two ")
    assert "variables: GREETING changed, MORE is new" in server.process.output
    server.edit("MORE=1\n", name=".env")
    assert server.get()[1].startswith("nothing ")
    assert "variables: GREETING is gone" in server.process.output
    assert "secret-" not in server.process.output


def test_a_file_that_was_not_there_at_the_start_is_seen(start: Start) -> None:
    server = start({})
    server.edit("GREETING=hello\n", name=".flaskenv")
    assert server.get()[1].startswith("hello ")


def test_the_real_environment_goes_on_to_win(start: Start) -> None:
    server = start({}, GREETING="real")
    server.edit("GREETING=hello\n", name=".env")
    assert server.get()[1].startswith("real ")


def test_settings_count_at_once_or_are_told_to_count_later(start: Start) -> None:
    app = APP.replace("{helper.value}", "{helper.value} in {environ['SCRIPT_NAME']}")
    server = start({"trivet.toml": "threads = 4\n", "app.py": app})
    server.edit("root_path = '/shop'\nworkers = 2\nport = 9\n", name="trivet.toml")
    assert server.get("/shop/")[1].startswith("nothing in /shop ")
    output = server.process.output
    assert "changed settings: root_path, workers, threads" in output
    assert "changed for the next start of trivet dev: port" in output
    # The new number of workers is kept by the next reload.
    server.edit("value = 'again'\n")
    assert server.get("/shop/")[1].startswith("again in /shop ")
    assert server.process.stop() == 0


def test_settings_that_are_wrong_change_nothing(start: Start) -> None:
    server = start({"trivet.toml": "threads = 4\n"})
    server.save("threads = 'many'\n", "trivet.toml")
    server.process.wait_for_output("nothing of it is taken")
    assert server.get()[0] == 200
    server.edit("threads = 5\n", name="trivet.toml")
    assert server.get()[0] == 200


def test_a_pyproject_without_news_restarts_nothing(start: Start) -> None:
    server = start({"pyproject.toml": "[project]\nname = 'shop'\n"})
    server.save("[project]\nname = 'store'\n", "pyproject.toml")
    server.edit("value = 1\n")
    assert server.count("dev-reloaded") == 1
