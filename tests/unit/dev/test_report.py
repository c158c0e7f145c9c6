"""From exceptions to reports: chains, columns, places, bounds, and the way through JSON."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dev.pages import caught, dev_session
from trivet.dev.collect import collect
from trivet.dev.report import Report, from_plain, to_plain
from trivet.dev.session import DevSession


def report_of(source: str, folder: Path, **session: Any) -> Report:
    """The report of the exception that a file of the project raises when it is run."""
    file = folder / "shop.py"
    file.write_text(source)
    names: dict[str, object] = {"__name__": "shop"}
    error = caught(lambda: exec(compile(source, str(file), "exec"), names))
    # The frames of this test are none of the project's.
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename != str(file):
        traceback = traceback.tb_next
    return collect(error.with_traceback(traceback), dev_session(folder, **session))[0]


def test_the_chain_has_causes_with_their_relation(tmp_path: Path) -> None:
    source = """
try:
    try:
        {}["a"]
    except KeyError:
        1 / 0
except ZeroDivisionError as error:
    raise ValueError("last") from error
"""
    report = report_of(source, tmp_path)
    assert [(cause.kind, cause.relation) for cause in report.chain] == [
        ("ValueError", ""),
        ("ZeroDivisionError", "caused by"),
        ("KeyError", "raised while handling"),
    ]


def test_a_suppressed_context_is_left_out(tmp_path: Path) -> None:
    source = "try:\n    {}[1]\nexcept KeyError:\n    raise ValueError from None\n"
    assert len(report_of(source, tmp_path).chain) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_members_of_a_group_are_in_the_chain(tmp_path: Path) -> None:
    source = "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])\n"
    report = report_of(source, tmp_path)
    assert [cause.kind for cause in report.chain] == ["ExceptionGroup", "ValueError", "TypeError"]


def test_an_endless_chain_comes_to_an_end(session: DevSession) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert len(collect(first, session)[0].chain) == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="columns came with 3.11 (PEP 657)")
def test_the_columns_are_those_of_characters_not_bytes(tmp_path: Path) -> None:
    report = report_of("é = 'ü'; x = é + 1\n", tmp_path)
    frame = report.error.frames[-1]
    assert frame.caret is not None
    assert frame.source[0].text[slice(*frame.caret)] == "é + 1"


def test_a_syntax_error_is_at_its_own_line(tmp_path: Path) -> None:
    report = report_of("x = 1\ny = (2\n", tmp_path)
    place = report.place
    assert place is not None
    assert (place.shown_file, place.line, report.error.message) == (
        "shop.py",
        2,
        "'(' was never closed",
    )


def test_names_of_the_line_come_first_and_imports_not_at_all(tmp_path: Path) -> None:
    source = """
import json
def total(count, price, shipping):
    note = "x"
    return count * price
total([], {}, 3)
"""
    frame = report_of(source, tmp_path).error.frames[-1]
    assert [(name.name, name.on_line) for name in frame.variables] == [
        ("count", True),
        ("price", True),
        ("shipping", False),
        ("note", False),
    ]
    module = report_of(source, tmp_path).error.frames[0]
    assert "json" not in [name.name for name in module.variables]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="comprehensions had frames up to 3.11")
def test_what_python_itself_calls_an_iterator_is_left_out(tmp_path: Path) -> None:
    frame = report_of("[1 / part for part in (0,)]\n", tmp_path).error.frames[-1]
    assert [name.name for name in frame.variables] == ["part"]


def test_values_are_not_even_looked_at_when_they_are_not_shown(tmp_path: Path) -> None:
    source = """
class Loud:
    def __repr__(self):
        raise SystemExit
loud = Loud()
1 / 0
"""
    frames = report_of(source, tmp_path, locals_shown=False).error.frames
    assert [frame.variables for frame in frames] == [()]


def test_a_recursion_is_cut_in_the_middle(tmp_path: Path) -> None:
    report = report_of("def f(n):\n    return f(n + 1)\nf(0)\n", tmp_path)
    assert len(report.error.frames) == 50
    assert report.error.frames_left_out > 500
    assert "calls itself" in report.hints[0]


def test_library_frames_are_told_from_the_projects(tmp_path: Path) -> None:
    report = report_of("import json\njson.loads('{')\n", tmp_path)
    assert [frame.kind for frame in report.error.frames] == ["project", *["library"] * 3]
    place = report.place
    assert place is not None
    assert place.shown_file == "shop.py"


def test_a_virtual_environment_inside_the_project_is_no_part_of_it(tmp_path: Path) -> None:
    folder = tmp_path / ".venv" / "lib" / "site-packages"
    folder.mkdir(parents=True)
    file = folder / "library.py"
    file.write_text("1 / 0\n")
    error = caught(lambda: exec(compile(file.read_text(), str(file), "exec"), {}))
    frame = collect(error, dev_session(tmp_path))[0].error.frames[-1]
    assert (frame.kind, frame.package, frame.shown_file) == ("library", "library", "library.py")


def test_a_report_comes_back_whole_from_json(tmp_path: Path) -> None:
    report = report_of("def f(a):\n    return a.b\nf(1)\n", tmp_path)
    assert from_plain(json.loads(json.dumps(to_plain(report)))) == report


def test_an_exception_that_cannot_be_printed_is_reported(session: DevSession) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert "its __str__ raised" in collect(Mute(), session)[0].error.message


def test_secrets_in_messages_are_masked(session: DevSession) -> None:
    error = ValueError("cannot reach postgres://shop:hunter2@db/shop")
    assert "hunter2" not in collect(error, session)[0].error.message


def test_notes_of_an_exception_are_kept(session: DevSession) -> None:
    error = ValueError("x")
    error.__notes__ = ["while reading order 7"]  # type: ignore[attr-defined] # add_note() is of 3.11
    assert collect(error, session)[0].error.notes == ("while reading order 7",)
