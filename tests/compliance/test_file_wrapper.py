"""wsgi.file_wrapper: PEP 3333 "Optional Platform-Specific File Handling"."""

from pathlib import Path

import pytest

from tests.compliance.conftest import Served
from tests.serving.wire import ConnectionCut, build_request

FILE_BYTES = b"".join(b"%07d\n" % number for number in range(1024 * 1024))
TARGET = "/response/file-response?kind="

KINDS = ["real", "buffered", "memory", "read+only"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_arrives(served: Served, kind: str) -> None:
    assert served.exchange("GET", TARGET + kind).body == FILE_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_sent_from_where_it_stands(served: Served, kind: str) -> None:
    answer = served.exchange("GET", f"{TARGET}{kind}&offset=8000000")
    assert answer.body == FILE_BYTES[8_000_000:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_promised_length_bounds_the_file(served: Served, kind: str) -> None:
    with served.wire() as wire:
        wire.send(
            build_request("GET", f"{TARGET}{kind}&offset=10&length=100000")
            + build_request("GET", "/response/one-item")
        )
        assert wire.read_response().body == FILE_BYTES[10:100_010]
        try:
            assert wire.read_response().body == b"one item"
        except ConnectionCut:
            return  # closing is as safe


@pytest.mark.parametrize("kind", ["real", "memory"])
def test_a_file_shorter_than_promised_leaves_nobody_waiting(served: Served, kind: str) -> None:
    """The server corrects the length, or closes the connection after the last byte."""
    with served.wire() as wire:
        wire.request("GET", f"{TARGET}{kind}&offset=8388600&length=1000")
        head = wire.read_head()
        if head.get("Content-Length") == "8":
            assert wire.read_exactly(8) == FILE_BYTES[-8:]
        else:
            assert wire.read_to_end() == FILE_BYTES[-8:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrapped_file_can_be_iterated_by_a_middleware(served: Served, kind: str) -> None:
    assert served.exchange("GET", f"{TARGET}{kind}&iterate=1").body == FILE_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_http_1_0_gets_the_file_too(served: Served, kind: str) -> None:
    assert served.exchange("GET", TARGET + kind, version="HTTP/1.0").body == FILE_BYTES


def test_the_file_is_closed_when_the_client_leaves(served: Served) -> None:
    with served.wire(receive_buffer_bytes=4096) as wire:
        wire.request("GET", f"{TARGET}real&key={served.key}")
        assert wire.read_head().status == 200
    served.wait_for("close")


def test_a_slow_reader_gets_the_whole_file(served: Served) -> None:
    with served.wire(receive_buffer_bytes=4096) as wire:
        assert wire.exchange("GET", TARGET + "real").body == FILE_BYTES


def test_files_go_out_one_after_another_on_one_connection(served: Served) -> None:
    with served.wire() as wire:
        for offset in (0, 1, 8_388_000):
            length = len(FILE_BYTES) - offset
            answer = wire.exchange("GET", f"{TARGET}real&offset={offset}&length={length}")
            assert answer.body == FILE_BYTES[offset:]


def test_a_real_file_is_not_read_in_the_blocks_of_the_wrapper(served: Served) -> None:
    """sendfile(2) takes some calls; reading 8 MiB in blocks of 8 KiB would take a thousand."""
    before = calls_that_read(served)
    assert served.exchange("GET", f"{TARGET}buffered&length={len(FILE_BYTES)}").body == FILE_BYTES
    assert calls_that_read(served) - before < 400


def calls_that_read(served: Served) -> int:
    """Return how often the server's processes called read() or sendfile() (proc(5), syscr)."""
    pids = served.server.child_pids() or [served.server.pid]
    counters = [Path(f"/proc/{pid}/io").read_text() for pid in pids]
    return sum(int(counter.split("syscr: ")[1].split()[0]) for counter in counters)
