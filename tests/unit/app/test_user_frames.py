"""Tracebacks as the author of an app wants them."""

import json
import sys
from pathlib import Path
from types import TracebackType

import pytest

from tests.projects import write_project
from trivet.app.user_frames import describe, file_of_last_frame, has_frames_of_the_user


def raised_by(file: Path, name: str = "go") -> BaseException:
    """Run a file as a module of its own and return what it raises."""
    code = compile(file.read_text(), str(file), "exec")
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the tests say what it is
        exec(code, {"__name__": name})
    error = caught.value
    error.__traceback__ = without_this_file(error.__traceback__)
    return error


def without_this_file(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def test_frames_of_the_standard_library_are_counted(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "import json\njson.loads('{')\n"})
    lines = describe(raised_by(tmp_path / "shop.py")).splitlines()
    assert lines[0] == f'  File "{tmp_path}/shop.py", line 2, in <module>'
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert any(line.startswith("  … ") and line.endswith(f"Python {version}") for line in lines)
    assert not any(json.__file__ in line for line in lines)
    assert lines[-1].startswith("json.decoder.JSONDecodeError: ")


def test_only_the_last_frame_of_an_installed_package_is_shown(tmp_path: Path) -> None:
    package = "venv/lib/site-packages/driver.py"
    write_project(
        tmp_path,
        {
            package: "def connect(): return deeper()\ndef deeper(): raise OSError('no host')\n",
            "shop.py": f"""
                from pathlib import Path
                file = {str(tmp_path / package)!r}
                space = {{}}
                exec(compile(Path(file).read_text(), file, "exec"), space)
                space["connect"]()
            """,
        },
    )
    described = describe(raised_by(tmp_path / "shop.py"))
    assert "  … 1 frame in driver\n" in described
    assert "line 2, in deeper" in described
    assert "line 1, in connect" not in described


def test_an_error_that_came_from_another_shows_both_oldest_first(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {"shop.py": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError from e"},
    )
    described = describe(raised_by(tmp_path / "shop.py"))
    first, second = described.split("\nwhich led to:\n")
    assert "ZeroDivisionError" in first
    assert second.endswith("ValueError")


def test_an_error_raised_from_none_shows_itself_alone(tmp_path: Path) -> None:
    write_project(
        tmp_path, {"shop.py": "try:\n    1 / 0\nexcept Exception:\n    raise ValueError from None"}
    )
    assert "ZeroDivisionError" not in describe(raised_by(tmp_path / "shop.py"))


def test_an_error_without_frames_is_its_message_alone() -> None:
    assert describe(ValueError("no")) == "ValueError: no"
    assert not has_frames_of_the_user(ValueError("no"))
    assert file_of_last_frame(ValueError("no")) == ""


def test_the_file_of_the_last_frame_is_where_it_was_raised(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "1 / 0"})
    assert file_of_last_frame(raised_by(tmp_path / "shop.py")) == str(tmp_path / "shop.py")


def test_a_recursion_is_shown_once_with_how_often_it_repeats(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop.py": "def again():\n    again()\nagain()\n"})
    text = describe(raised_by(tmp_path / "shop.py"))
    assert "[Previous line repeated " in text
    assert len(text.splitlines()) < 20


def test_a_recursion_through_two_functions_is_cut_in_the_middle(tmp_path: Path) -> None:
    source = "def one():\n    two()\ndef two():\n    one()\none()\n"
    write_project(tmp_path, {"shop.py": source})
    lines = describe(raised_by(tmp_path / "shop.py")).splitlines()
    assert len(lines) < 150
    assert any(line.startswith("  … ") and line.endswith(" more") for line in lines)
    assert lines[-1].startswith("RecursionError: ")


def test_a_long_chain_of_errors_is_cut_behind_the_first(tmp_path: Path) -> None:
    source = """
def again(depth):
    try:
        if depth == 100: raise KeyError("the first")
        again(depth + 1)
    except Exception as error:
        raise ValueError(depth) from error
again(1)
"""
    write_project(tmp_path, {"shop.py": source})
    text = describe(raised_by(tmp_path / "shop.py"))
    assert len(text.splitlines()) < 600
    assert "KeyError: 'the first'\nwhich led to:\n  … 95 more errors\nwhich led to:\n" in text
    assert text.endswith("ValueError: 1")
