"""What an app prints leaves line by line."""

import io
import os
from pathlib import Path

from trivet.worker.output import print_lines_at_once


def test_a_line_leaves_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "output"
    with path.open("w") as stream:
        print_lines_at_once(stream)
        print("one", file=stream)
        assert path.read_text() == "one\n"


def test_a_stream_that_a_program_has_put_there_is_left_alone() -> None:
    stream = io.StringIO()
    print_lines_at_once(stream)
    print("one", file=stream)
    assert stream.getvalue() == "one\n"


def test_a_closed_stream_is_no_failure() -> None:
    with open(os.devnull, "w") as stream:
        pass
    print_lines_at_once(stream)
