"""Tracebacks that repeat what a stranger has sent."""

import contextlib
import io
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.chained_error import raised
from trivet.engine.serve import print_error


@contextlib.contextmanager
def captured() -> Iterator[io.StringIO]:
    before, sys.stderr = sys.stderr, io.StringIO()
    try:
        yield sys.stderr
    finally:
        sys.stderr = before


def shown(error: BaseException, environ: dict[str, object]) -> list[str]:
    with captured() as output:
        print_error(error, environ)
    return output.getvalue().split("\n")


def test_a_traceback_looks_as_python_prints_it() -> None:
    lines = shown(raised("plain"), {"REQUEST_METHOD": "GET", "REQUEST_URI": "/x?y"})
    assert lines[:2] == ["GET /x?y failed:", "Traceback (most recent call last):"]
    assert "KeyError: 'plain'" in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert lines[-2:] == ["ValueError: plain", ""]


@pytest.mark.parametrize(
    "message", ["", "\n", "a\n\nb\n", "\r\n", "x\n2026-01-01T00:00:00Z info y"]
)
def test_messages_of_several_lines_keep_them_indented(message: str) -> None:
    lines = shown(raised(message), {})
    assert not any(line.startswith("2026") for line in lines)


@given(st.text(), st.text(), st.text())
def test_no_line_can_be_forged(message: str, method: str, target: str) -> None:
    environ: dict[str, object] = {"REQUEST_METHOD": method, "REQUEST_URI": target}
    lines = shown(raised(message), environ)
    assert all(line.isprintable() for line in lines)
    expected_starts = ("Traceback", "KeyError", "ValueError", "The above", " ")
    for line in lines[1:]:
        assert line == "" or line.startswith(expected_starts)
