"""trivet.host: what this operating system says of itself."""

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trivet import host


def test_the_longest_path_of_a_unix_socket_can_be_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("x" * host.UNIX_PATH_LIMIT)


def test_a_longer_path_of_a_unix_socket_cannot_be_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener, pytest.raises(OSError, match="too long"):
        listener.bind("x" * (host.UNIX_PATH_LIMIT + 1))


def test_the_limit_of_open_files_can_be_raised_to_the_hard_limit() -> None:
    # In a child process, because the limit is the whole process's.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _, hard = host.open_file_limits()
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, hard), hard))
        raised = host.raise_open_file_limit()
        os.write(writer, f"{raised == hard} {host.open_file_limits() == (hard, hard)}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert answer.read() == "True True"
    os.waitpid(child, 0)


def test_missing_standard_streams_keep_their_numbers() -> None:
    code = (
        f"import os, sys; sys.path[:0] = {sys.path!r}; from trivet import host\n"
        "for descriptor in host.STANDARD_DESCRIPTORS: os.close(descriptor)\n"
        "host.open_missing_standard_streams()\n"
        "null = os.stat(os.devnull).st_rdev\n"
        "open_now = [os.fstat(each).st_rdev == null and os.get_inheritable(each)"
        " for each in host.STANDARD_DESCRIPTORS]\n"
        "os._exit(0 if all(open_now) else 1)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


def test_standard_streams_that_are_open_are_left_alone() -> None:
    before = [os.fstat(descriptor) for descriptor in host.STANDARD_DESCRIPTORS]
    host.open_missing_standard_streams()
    after = [os.fstat(descriptor) for descriptor in host.STANDARD_DESCRIPTORS]
    assert [each.st_ino for each in after] == [each.st_ino for each in before]
