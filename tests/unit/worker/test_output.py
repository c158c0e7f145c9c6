"""What an app prints leaves line by line."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trivet.worker.output import print_lines_at_once


def test_a_line_leaves_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "output"
    with path.open("w") as stream:
        print_lines_at_once(stream)
        print("one", file=stream)
        assert path.read_text() == "one\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_line_leaves_as_a_whole(unbuffered: str) -> None:
    program = (
        "import os\n"
        "from trivet.worker.output import print_lines_at_once\n"
        "print_lines_at_once()\n"
        "print('one', end=' ')\n"
        "os.write(1, b'other line\\n')\n"
        "print('line')\n"
    )
    written = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert written.stdout == "other line\none line\n"


def test_a_stream_that_a_program_has_put_there_is_left_alone() -> None:
    stream = io.StringIO()
    print_lines_at_once(stream)
    print("one", file=stream)
    assert stream.getvalue() == "one\n"


def test_a_closed_stream_is_no_failure() -> None:
    with open(os.devnull, "w") as stream:
        pass
    print_lines_at_once(stream)
