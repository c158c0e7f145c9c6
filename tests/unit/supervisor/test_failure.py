"""Errors of workers as the supervisor makes them again."""

import pytest

from trivet.errors import AppImportFailed, TrivetBug, TrivetError
from trivet.startup import Startup
from trivet.supervisor.failure import rebuild_error


def message(name: str) -> dict[str, object]:
    startup = Startup()
    with pytest.raises(ImportError), startup.step("import shop"):
        raise ImportError("no psycopg")
    return {
        "name": name,
        "what": "importing shop failed",
        "hint": "install it",
        "details": "  File shop.py",
        "startup": startup.to_dict(),
    }


def test_an_error_keeps_its_class_text_and_hint() -> None:
    error = rebuild_error(message(AppImportFailed.name), colour=False)
    assert type(error) is AppImportFailed
    assert (str(error), error.hint, error.exit_code) == ("importing shop failed", "install it", 3)


def test_the_steps_of_the_start_stand_above_the_details() -> None:
    error: TrivetError = rebuild_error(message(AppImportFailed.name), colour=False)
    steps, details = error.details.splitlines()
    assert steps.startswith("✗ import shop (")
    assert details == "  File shop.py"


def test_an_error_of_an_unknown_name_is_a_bug() -> None:
    assert type(rebuild_error(message("no-such-error"), colour=False)) is TrivetBug
