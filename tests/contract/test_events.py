"""The events table, the places that log, and the reference page say the same."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.observe.document import page
from trivet.observe.events import EVENTS, LEVELS, Event

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "trivet"


def calls() -> Iterator[tuple[str, str, set[str]]]:
    """Every place that logs: file and line, name of the event, names of the fields."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            place = f"{file.relative_to(PACKAGE)}:{node.lineno}"
            keywords = {word.arg: word.value for word in node.keywords}
            event, fields = keywords.get("event"), keywords.get("fields")
            if node.func.attr == "emit" and node.args and isinstance(node.args[0], ast.Constant):
                yield (
                    place,
                    str(node.args[0].value),
                    {word for word in keywords if word is not None},
                )
            elif isinstance(event, ast.Constant) and isinstance(fields, ast.Dict):
                names = {key.value for key in fields.keys if isinstance(key, ast.Constant)}
                yield place, str(event.value), {str(name) for name in names}


CALLS = list(calls())


@pytest.mark.parametrize(("place", "name", "fields"), CALLS, ids=[call[0] for call in CALLS])
def test_what_is_logged_is_in_the_table(place: str, name: str, fields: set[str]) -> None:
    assert name in EVENTS, f"{place}: add {name} to observe/events.py"
    unknown = fields - set(EVENTS[name].fields)
    assert not unknown, f"{place}: add {unknown} to {name} in observe/events.py"
    shown = {field for field in EVENTS[name].fields if "{" + field + "}" in EVENTS[name].template}
    assert shown <= fields, f"{place}: give {name} its {shown - fields}"


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_logged_somewhere(name: str) -> None:
    sources = [file for file in PACKAGE.rglob("*.py") if file.name != "events.py"]
    assert any(f'"{name}"' in file.read_text() for file in sources), (
        f"nothing logs {name}: take it out of observe/events.py"
    )


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.name)
def test_an_entry_of_the_table_is_complete(event: Event) -> None:
    assert event.level in LEVELS
    assert event.meaning.endswith(".")
    assert event.name == event.name.lower()
    assert event.name.replace("-", "").isalnum()


def test_the_reference_page_is_current() -> None:
    path = ROOT / "docs" / "reference" / "events.md"
    assert path.read_text(encoding="utf-8") == page(), (
        f"python -m trivet.observe.document --write {path.relative_to(ROOT)}"
    )
