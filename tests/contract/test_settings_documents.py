"""The generated pages about settings and the settings table say the same."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from trivet.settings.document import COMMAND, REFERENCE, outdated
from trivet.settings.quantities import SIZE_UNITS, Duration, Size
from trivet.settings.table import FILE_TABLES, SPECS

ROOT = Path(__file__).parents[2]


def test_the_generated_documents_are_current() -> None:
    stale = [str(path) for path in outdated(ROOT)]
    assert stale == [], f"run `{COMMAND}` in the root, and commit what it writes"


def test_the_schema_knows_every_setting_and_every_table() -> None:
    schema: dict[str, Any] = json.loads((ROOT / REFERENCE / "trivet.schema.json").read_text())
    assert set(schema["properties"]) == {*SPECS, *FILE_TABLES}, f"run `{COMMAND}`"
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("text", ["5s", "250ms", "1m30s", "1.5h", "0", "2d", "5 s"])
def test_the_schema_accepts_durations_that_are_accepted(text: str) -> None:
    Duration().from_file(text)
    assert re.search(str(Duration().schema()["pattern"]), text)


@pytest.mark.parametrize("text", ["5", "5x", "", "s", "-5s"])
def test_the_schema_refuses_durations_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Duration().from_file(text)
    assert not re.search(str(Duration().schema()["pattern"]), text)


@pytest.mark.parametrize("unit", SIZE_UNITS)
def test_the_schema_accepts_every_unit_of_size(unit: str) -> None:
    assert re.search(str(Size().schema()["pattern"]), f"16{unit}")
