"""The tables of other servers' settings have every setting of gunicorn and waitress."""

from pathlib import Path

import pytest
from gunicorn.config import KNOWN_SETTINGS
from waitress.adjustments import Adjustments

from trivet.cli.gunicorn_flags import GUNICORN_FLAGS
from trivet.foreign import gunicorn, uwsgi, waitress
from trivet.foreign.document import PAGE, page
from trivet.foreign.mapping import Row

ROOT = Path(__file__).parents[2]
TABLES = {"gunicorn": gunicorn.SETTINGS, "uwsgi": uwsgi.SETTINGS, "waitress": waitress.SETTINGS}
ROWS = [(server, row) for server, table in TABLES.items() for row in table.values()]


def test_every_setting_of_gunicorn_is_in_the_table() -> None:
    known = {setting.name for setting in KNOWN_SETTINGS}
    assert set(gunicorn.SETTINGS) == known, "correct python/trivet/foreign/gunicorn.py"


def test_every_setting_of_gunicorn_has_its_flags() -> None:
    flags = {setting.name: tuple(setting.cli or ()) for setting in KNOWN_SETTINGS}
    assert {name: row.flags for name, row in gunicorn.SETTINGS.items()} == flags


def test_every_flag_with_a_hint_is_one_of_gunicorn() -> None:
    flags = {flag for row in gunicorn.SETTINGS.values() for flag in row.flags}
    assert set(GUNICORN_FLAGS) <= flags


def test_every_setting_of_waitress_is_in_the_table() -> None:
    known = {name for name, _ in Adjustments._params}
    assert known <= set(waitress.SETTINGS), "correct python/trivet/foreign/waitress.py"


@pytest.mark.parametrize(("server", "row"), ROWS, ids=[f"{s}-{r.name}" for s, r in ROWS])
def test_a_setting_is_mapped_or_has_a_reason(server: str, row: Row) -> None:
    assert row.is_mapped or row.reason


def test_the_page_is_current() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), (
        "run `python -m trivet.foreign.document` in the root"
    )
