"""A stream for the log whose reader may stop: nothing waits, and what is dropped is counted."""

import errno
import io
import json
import os
import selectors
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.observe import patient_stream as module
from trivet.observe.log import Log
from trivet.observe.log_file import LogFile
from trivet.observe.patient_stream import LoopWatch, PatientStream, patient_stream

LINE = "x" * 999 + "\n"


class Pipe:
    """A pipe as a parent gives it to a server: blocking, and shared."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def fill(self) -> int:
        """Leave no room in it; how much it holds."""
        os.set_blocking(self.writing, False)
        held = 0
        try:
            while True:
                held += os.write(self.writing, b"." * 1024)
        except BlockingIOError:
            return held
        finally:
            os.set_blocking(self.writing, True)

    def read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            read += os.read(self.reading, size - len(read))
        return read

    def read_to_the_end(self) -> str:
        os.close(self.writing)
        self.writing = -1
        with open(self.reading, "rb", closefd=False) as file:
            return file.read().decode()

    def close(self) -> None:
        for descriptor in {self.reading, self.writing} - {-1}:
            os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    opened = Pipe()
    yield opened
    opened.close()


def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> int:
        raise OSError(errno.ENOENT, "no /proc")

    monkeypatch.setattr(module, "open_not_blocking", refuse)


@pytest.fixture(params=["opened again", "asked with poll"])
def full(
    request: pytest.FixtureRequest, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> tuple[Pipe, PatientStream, int]:
    """A pipe that takes nothing, a stream that writes to it, and how much is in the pipe."""
    if request.param == "asked with poll":
        without_proc(monkeypatch)
    elif sys.platform != "linux":
        pytest.skip("needs /proc")
    stream = patient_stream(pipe.writing, most_waiting_bytes=3000)
    return pipe, stream, pipe.fill()


Full = tuple[Pipe, PatientStream, int]


def test_lines_that_nobody_takes_are_kept_and_written_later(full: Full) -> None:
    pipe, stream, held = full
    stream.write("one\n")
    stream.write("two\n")
    assert stream.has_waiting()
    pipe.read(held)
    stream.flush()
    assert not stream.has_waiting()
    stream.close()
    assert pipe.read_to_the_end() == "one\ntwo\n"


def test_what_goes_beyond_the_bound_is_counted_and_told_at_its_place(full: Full) -> None:
    pipe, stream, held = full
    stream.describe_lost = "{} lost\n".format
    for _ in range(5):
        stream.write(LINE)
    assert stream.waiting_bytes == 3000
    pipe.read(held)
    stream.flush()
    stream.write("after\n")
    stream.close()
    assert pipe.read_to_the_end() == 3 * LINE + "2 lost\nafter\n"


def test_the_descriptor_stays_blocking_for_the_others(full: Full) -> None:
    pipe, stream, _ = full
    stream.write("one\n")
    assert os.get_blocking(pipe.writing)
    stream.close()


def test_the_end_of_a_process_waits_for_a_reader_that_reads(full: Full) -> None:
    pipe, stream, held = full
    stream.write("one\n")
    reader = threading.Thread(target=pipe.read, args=(held,))
    reader.start()
    stream.finish(60)
    reader.join()
    assert not stream.has_waiting()
    stream.close()


def test_the_end_of_a_process_does_not_wait_for_ever(full: Full) -> None:
    _, stream, _ = full
    stream.write("one\n")
    stream.finish(0.0)
    assert stream.has_waiting()
    stream.close()


def test_a_loop_writes_what_waits_when_the_reader_is_back(full: Full) -> None:
    pipe, stream, held = full
    with selectors.PollSelector() as selector:
        watch = LoopWatch(stream, selector)
        watch.look()
        assert not selector.get_map()
        stream.write("one\n")
        watch.look()
        assert selector.select(0) == []
        pipe.read(held)
        for key, _ in selector.select(None):
            key.data()
        watch.look()
        assert not selector.get_map()
    stream.close()
    assert pipe.read_to_the_end() == "one\n"


def test_a_stream_of_another_kind_is_not_watched() -> None:
    with selectors.PollSelector() as selector:
        LoopWatch(io.StringIO(), selector).look()
        assert not selector.get_map()


def test_a_forked_process_does_not_write_what_its_parent_keeps(full: Full) -> None:
    pipe, stream, held = full
    stream.write("of the parent\n")
    pipe.read(held)
    child = os.fork()
    if child == 0:
        # Whatever happens, nothing of pytest may run here.
        try:
            os._exit(0 if not stream.has_waiting() and stream.write("of the child\n") else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    stream.flush()
    stream.close()
    assert pipe.read_to_the_end() == "of the child\nof the parent\n"


def test_a_reader_that_is_gone_raises_and_keeps_nothing(full: Full) -> None:
    pipe, stream, _ = full
    stream.write("one\n")
    os.close(pipe.reading)
    pipe.reading = -1
    with pytest.raises(BrokenPipeError):
        stream.write("two\n")
    assert not stream.has_waiting()
    stream.close()


def test_a_socket_is_written_to_without_waiting_and_stays_blocking() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = patient_stream(ours.fileno())
        while not stream.has_waiting():
            stream.write(LINE)
        assert ours.getblocking()
        stream.write("last\n")
        received = b""
        while not received.endswith(b"last\n"):
            received += theirs.recv(65536)
            stream.flush()
        assert received.replace(LINE.encode(), b"") == b"last\n"
        assert not stream.has_waiting()
        stream.close()
        assert ours.fileno() >= 0


def test_what_was_opened_is_closed_and_never_written_to_again(pipe: Pipe) -> None:
    before = len(os.listdir("/dev/fd"))
    stream = patient_stream(pipe.writing)
    stream.close()
    assert len(os.listdir("/dev/fd")) == before
    with pytest.raises(ValueError, match="closed"):
        stream.write("late\n")


def test_a_line_longer_than_a_pipe_comes_in_pieces_and_whole(full: Full) -> None:
    pipe, stream, held = full
    line = "y" * 200_000 + "\n"
    stream.write(line)
    pipe.read(held)
    received = b""
    while len(received) < len(line):
        stream.flush()
        received += os.read(pipe.reading, 65536)
    assert received.decode() == line
    stream.close()


def test_a_file_is_written_to_as_ever(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        stream = patient_stream(file.fileno())
        stream.write("café\udc80\n")
        assert not stream.has_waiting()
    assert (tmp_path / "log").read_text() == "café\\udc80\n"


def test_it_stays_with_the_file_when_another_one_takes_the_descriptor(tmp_path: Path) -> None:
    # As in a worker whose output is tagged: standard error is a pipe there, the log is not.
    with (tmp_path / "log").open("wb") as file, (tmp_path / "other").open("wb") as other:
        stream = patient_stream(file.fileno())
        os.dup2(other.fileno(), file.fileno())
        stream.write("an event\n")
        stream.close()
    assert (tmp_path / "log").read_text() == "an event\n"
    assert (tmp_path / "other").read_text() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such a file may be shared")
def test_a_log_file_may_be_a_named_pipe_that_nobody_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    try:
        file = LogFile(str(tmp_path / "log"))
        while not file.has_waiting():
            file.write(LINE)
        os.read(reader, 65536)
        file.flush()
        assert not file.has_waiting()
        file.close()
    finally:
        os.close(reader)


@pytest.mark.parametrize("format", ["text", "json", "logfmt"])
def test_the_log_says_how_many_lines_were_lost_in_its_own_form(pipe: Pipe, format: str) -> None:
    stream = patient_stream(pipe.writing, most_waiting_bytes=10)
    log = Log(stream, format)
    held = pipe.fill()
    for url in ("first", "second", "third"):
        log.emit("listening", url=url)
    pipe.read(held)
    log.finish(0)
    log.emit("listening", url="fourth")
    log.close(0)
    lines = pipe.read_to_the_end().splitlines()
    assert [url for line in lines for url in ("first", "fourth") if url in line] == [
        "first",
        "fourth",
    ]
    assert "log-lines-lost" in lines[1]
    if format == "json":
        assert json.loads(lines[1])["lines"] == 2
    else:
        assert "lines=2" in lines[1]
