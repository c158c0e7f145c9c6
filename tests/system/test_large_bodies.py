"""Uploads and downloads of any size pass through a worker without staying in its memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compliance.conftest import APPLICATION
from tests.conftest import REPOSITORY, StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire, build_request
from tests.system.applications import EXAMPLES

pytestmark = pytest.mark.system

MIB = 1024 * 1024
ALLOWED_GROWTH_BYTES = 32 * MIB


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for the example's files, emptied at once: pytest would keep some gigabytes."""
    folder = tmp_path / "files"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture
def server(start_server: StartServer, folder: Path) -> ServerProcess:
    return start_server(
        "trivet",
        "app:app",
        EXAMPLES / "files",
        workers=1,
        environment={"FILES_FOLDER": str(folder)},
    )


@pytest.fixture
def total_bytes(full_size: bool) -> int:
    return (1024 if full_size else 256) * MIB


class Memory:
    """The resident memory of the only worker: what it is when idle, and the peak since then."""

    def __init__(self, server: ServerProcess) -> None:
        with Wire(server.address) as wire:  # whatever is loaded at the first request is idle memory
            wire.exchange("GET", "/")
        (pid,) = server.child_pids()
        self._status = Path(f"/proc/{pid}/status")
        # proc(5): writing 5 sets the peak (VmHWM) to the memory of this moment.
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        self.idle_bytes = self._read("VmRSS")

    def growth_bytes(self) -> int:
        return self._read("VmHWM") - self.idle_bytes

    def _read(self, name: str) -> int:
        for line in self._status.read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self._status} has no {name}")


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_an_upload_stays_out_of_memory(
    server: ServerProcess, folder: Path, total_bytes: int, framing: str
) -> None:
    memory = Memory(server)
    piece = bytes(range(256)) * 4096
    chunked = framing == "chunked"
    length = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(total_bytes))
    framed = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    with Wire(server.address) as wire:
        wire.socket.settimeout(60)
        wire.send(build_request("PUT", "/files/large.bin", [length]))
        for _ in range(total_bytes // len(piece)):
            wire.send(framed)
        if chunked:
            wire.send(b"0\r\n\r\n")
        assert wire.read_response().status == 201
    assert memory.growth_bytes() < ALLOWED_GROWTH_BYTES
    stored = folder / "large.bin"
    assert stored.stat().st_size == total_bytes
    with stored.open("rb") as file:
        file.seek(total_bytes - 2 * len(piece))
        assert file.read() == piece * 2


def test_a_download_stays_out_of_memory(
    server: ServerProcess, folder: Path, total_bytes: int
) -> None:
    with (folder / "large.bin").open("wb") as file:
        file.truncate(total_bytes - 4)  # a hole takes no space on the disk
        file.seek(total_bytes - 4)
        file.write(b"last")
    memory = Memory(server)
    with Wire(server.address) as wire:
        wire.request("GET", "/files/large.bin")
        assert wire.read_head().get("Content-Length") == str(total_bytes)
        for _ in range(total_bytes // MIB - 1):
            wire.read_exactly(MIB)
        assert wire.read_exactly(MIB)[-4:] == b"last"
    assert memory.growth_bytes() < ALLOWED_GROWTH_BYTES


def test_a_generated_body_stays_out_of_memory(start_server: StartServer, total_bytes: int) -> None:
    """The client reads slower than the app could yield."""
    server = start_server("trivet", APPLICATION, REPOSITORY, workers=1)
    memory = Memory(server)
    pieces = total_bytes // MIB
    with Wire(server.address, receive_buffer_bytes=64 * 1024) as wire:
        wire.request("GET", f"/response/large?size={MIB}&pieces={pieces}")
        assert wire.read_head().status == 200
        received = 0
        while piece := wire.read_chunk():
            received += len(piece)
    assert received == total_bytes
    assert memory.growth_bytes() < ALLOWED_GROWTH_BYTES
