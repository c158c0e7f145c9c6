"""A part of a streamed answer goes out whole before the next one is made (PEP 3333)."""

import os
from pathlib import Path

from tests.apps.answers import pattern
from tests.conftest import REPOSITORY, StartServer
from tests.serving.wire import Wire

#: More than the kernel keeps for a client that reads little at a time.
PART_BYTES = 6_000_000


def test_the_rest_of_a_part_does_not_wait_for_the_next_part(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server("trivet", "answers:app", REPOSITORY / "tests" / "apps")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Wire(server.address, receive_buffer_bytes=8192) as wire:
        wire.request("GET", f"/pause?size={PART_BYTES}&fifo={fifo}")
        assert wire.read_head().status == 200
        assert wire.read_chunk() == pattern(PART_BYTES)
        fifo.write_bytes(b"")
        assert wire.read_chunk() == b"after the pause"
        assert wire.read_chunk() == b""
