"""Chunked bodies, whole and cut."""

import pytest

from benchmarks.client import unchunked

CHUNKED = b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"


def test_chunks_are_joined() -> None:
    assert unchunked(CHUNKED) == b"hello0123456789"


@pytest.mark.parametrize("length", range(len(CHUNKED)))
def test_a_cut_body_is_not_complete(length: int) -> None:
    assert unchunked(CHUNKED[:length]) is None
