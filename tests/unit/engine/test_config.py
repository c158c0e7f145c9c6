"""What the engine is told when a setting leaves the number to Trivet."""

import pytest

from trivet.engine.config import connections_for, engine_config
from trivet.settings.table import Settings


@pytest.mark.parametrize(
    ("open_files", "connections"),
    [(-1, 0), (20_000, 17_500), (1024, 896), (256, 192), (64, 32), (1, 1)],
)
def test_connections_leave_files_to_the_app(open_files: int, connections: int) -> None:
    assert connections_for(open_files) == connections


def test_a_number_of_connections_that_was_asked_for_is_taken() -> None:
    settings = Settings(worker_connections=1000)
    config = engine_config(settings, multiprocess=False, open_files=256)
    assert config.worker_connections == 1000
