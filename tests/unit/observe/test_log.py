"""Log lines: their forms, what may not appear in them, and streams that fail."""

import io
import json

import pytest

from trivet.observe.log import (
    Log,
    printable,
    render_for_terminal,
    render_logfmt,
    three_digits,
    wants_colour,
)

NOON = 1_800_000_000.0  # 2027-01-15T08:00:00Z


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


def written(**keywords: str) -> str:
    stream = io.StringIO()
    log = Log(stream, keywords.pop("format", "auto"), now=lambda: NOON)
    log.emit("listening", **keywords)
    return stream.getvalue()


def test_a_file_gets_time_level_name_and_fields() -> None:
    assert written(url="http://[::1]:8000") == (
        "2027-01-15T08:00:00Z info listening url=http://[::1]:8000\n"
    )


def test_values_with_spaces_or_quotes_are_quoted() -> None:
    assert r'url="unix:/a b\"c"' in written(url='unix:/a b"c')


def test_json_has_the_sentence_and_the_fields() -> None:
    assert json.loads(written(url="unix:/x", format="json")) == {
        "time": "2027-01-15T08:00:00Z",
        "level": "info",
        "event": "listening",
        "message": "listening on unix:/x",
        "url": "unix:/x",
    }


def test_json_has_times_to_the_microsecond() -> None:
    stream = io.StringIO()
    Log(stream, "json", now=lambda: NOON).emit("server-ready", seconds=0.03213989799951378, pid=7)
    assert json.loads(stream.getvalue())["seconds"] == 0.03214


def test_a_terminal_gets_the_sentence() -> None:
    stream = Terminal()
    Log(stream, colour=False, now=lambda: NOON).emit("listening", url="unix:/x")
    assert stream.getvalue().endswith(" listening on unix:/x\n")


def test_a_warning_is_called_so_without_colours_too() -> None:
    line = render_for_terminal(
        "signal-ignored", {"signal": "SIGHUP", "reason": "because"}, NOON, colour=False
    )
    assert " warning: SIGHUP was ignored" in line


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    "evil", ["a\nforged", "a\rforged", "a\x1b[2Jforged", "a\u2028forged", "a\u202eforged", "\udc80"]
)
def test_a_value_cannot_forge_a_line_or_steer_a_terminal(format: str, evil: str) -> None:
    line = written(url=evil, format=format)
    assert line.count("\n") == 1
    assert line.removesuffix("\n").isprintable()


def test_lines_of_a_detail_are_indented() -> None:
    stream = io.StringIO()
    Log(stream, now=lambda: NOON).emit(
        "worker-bug",
        worker=1,
        pid=2,
        error="E",
        detail="first\n2027-01-15T08:00:00Z info forged\x1b[0m",
    )
    _, *detail = stream.getvalue().splitlines()
    assert detail == ["    first", r"    2027-01-15T08:00:00Z info forged\x1b[0m"]


def test_events_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    Log(stream, level="warning").emit("listening", url="unix:/x")
    assert stream.getvalue() == ""


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="listening has the fields"):
        Log(io.StringIO()).emit("listening", adress="unix:/x")


def test_a_field_of_the_sentence_may_not_be_missing() -> None:
    with pytest.raises(ValueError, match="listening has the fields"):
        Log(None).emit("listening")


def test_a_stream_that_fails_does_not_end_the_server() -> None:
    class FullDisk(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    closed = io.StringIO()
    closed.close()
    for stream in (FullDisk(), closed, None):
        Log(stream).emit("listening", url="unix:/x")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_want_them(environ: dict[str, str], expected: bool) -> None:
    assert wants_colour(Terminal(), environ) is expected
    assert not wants_colour(io.StringIO(), environ)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0123456, "0.0123"), (3.14159, "3.14"), (123.4, "123"), (86400.0, "86400")],
)
def test_numbers_have_three_digits_and_no_exponent(number: float, text: str) -> None:
    assert three_digits(number) == text


def test_printable_text_is_left_alone() -> None:
    assert printable("größe ✓ 東京") == "größe ✓ 東京"


def test_logfmt_is_pairs_on_one_line_whatever_the_values_are() -> None:
    fields = {"worker": 1, "pid": 7, "error": 'a "b"\nlevel=info', "detail": "one\ntwo"}
    line = render_logfmt("worker-bug", fields, 0.0)
    assert line.startswith("time=1970-01-01T00:00:00Z level=error event=worker-bug message=")
    assert line.count("\n") == 1
    assert line.endswith(r'error="a \"b\"\\nlevel=info" detail="one\\ntwo"' + "\n")
