"""Messages of a worker survive encoding, cutting and joining."""

import pytest

from trivet.worker.messages import MEANINGS, LineBuffer, Message, decode, encode


@pytest.mark.parametrize("kind", MEANINGS)
def test_a_message_comes_back_as_it_was(kind: str) -> None:
    data = {"what": "line\nbreak \u2028 and ü", "steps": [{"seconds": 0.5}]}
    received = decode(encode(Message(kind, data)).removesuffix(b"\n"))
    assert (received.kind, received.data) == (kind, data)


def test_a_message_is_one_line_whatever_its_data() -> None:
    assert encode(Message("failed", {"details": "a\nb\r\nc"})).count(b"\n") == 1


def test_a_message_without_data_is_its_kind() -> None:
    assert encode(Message("ready")) == b"ready\n"


@pytest.mark.parametrize("line", [b"steady", b"", b"ready [1]", b"ready {", b"\xff"])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(line)


def test_lines_are_whole_however_they_are_cut() -> None:
    stream = b"ready\nnote {}\nfailed\n"
    for size in range(1, len(stream) + 1):
        buffer = LineBuffer()
        lines = [
            line
            for start in range(0, len(stream), size)
            for line in buffer.feed(stream[start : start + size])
        ]
        assert lines == [b"ready", b"note {}", b"failed"]


def test_half_a_line_is_kept_back() -> None:
    buffer = LineBuffer()
    assert list(buffer.feed(b"rea")) == []
    assert list(buffer.feed(b"dy\n")) == [b"ready"]
