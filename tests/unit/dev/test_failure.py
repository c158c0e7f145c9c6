"""trivet.dev.failure: the last frame of the project, with its line and what to mark in it."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.dev.failure import MOST_TRACEBACK_CHARACTERS, Failure, failure_of, shown_path
from trivet.dev.views import noting_views


def failure_when_run(directory: Path, name: str) -> Failure:
    """Run a file of the project and describe what it raises."""
    file = directory / name
    try:
        exec(compile(file.read_text(), str(file), "exec"), {"__name__": "shop"})
    except BaseException as error:  # noqa: BLE001 - SystemExit is one of the cases
        return failure_of(error, (directory,), url="http://x/1")
    pytest.fail("nothing was raised")


def test_the_last_frame_of_the_project_is_shown_and_not_the_librarys(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {"shop.py": "import json\n\ndef read():\n    return json.loads('{')\n\nread()\n"},
    )
    failure = failure_when_run(tmp_path, "shop.py")
    assert failure.error.startswith("JSONDecodeError: Expecting property name")
    assert (failure.path, failure.line, failure.function) == ("shop.py", 4, "read")
    assert failure.source == "return json.loads('{')"
    assert failure.url == "http://x/1"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="positions came with Python 3.11")
def test_what_raised_is_marked_also_behind_characters_of_several_bytes(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "x = 1; é = missing.name\n"})
    failure = failure_when_run(tmp_path, "shop.py")
    assert failure.source[failure.column : failure.end_column] == "missing"


def test_a_syntax_error_is_shown_where_it_is(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "def total(items):\n    return sum((1, 2)\n"})
    failure = failure_when_run(tmp_path, "shop.py")
    assert failure.error == "SyntaxError: '(' was never closed"
    assert (failure.path, failure.line) == ("shop.py", 2)
    assert failure.source == "return sum((1, 2)"
    assert failure.source[failure.column] == "("


def test_an_exit_says_so(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "import sys\nsys.exit('no database')\n"})
    failure = failure_when_run(tmp_path, "shop.py")
    assert failure.error == "SystemExit: the code called sys.exit('no database')"


def test_an_error_without_frames_has_no_place() -> None:
    failure = failure_of(ValueError("x"), ())
    assert (failure.error, failure.path) == ("ValueError: x", "")


def test_a_failure_survives_the_way_to_the_supervisor(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "1 / 0\n"})
    failure = failure_when_run(tmp_path, "shop.py")
    sent = json.loads(json.dumps({**failure.to_data(), "added_later": 1}))
    assert Failure.from_data(sent) == failure


def test_a_huge_traceback_loses_its_middle() -> None:
    failure = failure_of(ValueError("long " * 20_000), ())
    assert len(failure.traceback) < MOST_TRACEBACK_CHARACTERS + 100
    assert "\n  …\n" in failure.traceback


def test_frames_of_the_server_and_of_imports_are_no_part_of_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {"broken_shop.py": "import colours_that_nobody_has\n"})
    monkeypatch.syspath_prepend(tmp_path)

    def app(environ: object, start_response: object) -> None:
        importlib.import_module("broken_shop")

    with pytest.raises(ModuleNotFoundError) as caught:
        noting_views(app)({}, None)
    told = failure_of(caught.value, (tmp_path,)).traceback
    assert "broken_shop.py" in told
    assert "trivet/dev/views.py" not in told
    assert "importlib/__init__.py" not in told


def test_a_file_of_a_package_is_named_from_the_package_on() -> None:
    file = "/home/me/.venv/lib/python3.12/site-packages/flask/app.py"
    assert shown_path(file, [Path("/home/me/shop")]) == "flask/app.py"
    assert shown_path("/home/me/shop/app.py", [Path("/home/me/shop")]) == "app.py"
