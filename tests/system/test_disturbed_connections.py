"""Connections that are split, held, narrowed, half-closed and reset on their way to the server.

The client gets whole right answers or sees the cut; the application never takes a part of a body
for all of it; the worker holds nothing afterwards.
"""

import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apps.answers import pattern
from tests.conftest import REPOSITORY, StartServer
from tests.serving.addresses import TcpAddress
from tests.serving.disturbing_proxy import BENIGN, CUTTING, DisturbedWire, DisturbingProxy
from tests.serving.faults import descriptors_of
from tests.serving.process import ServerProcess
from tests.serving.wire import ConnectionCut, Wire, build_request, chunked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

#: More than is read ahead of the application (32 KiB): the body is streamed.
BODY = pattern(70_000)
SMALL = b"a small body"
#: What a server may say of a request that was cut: it is no answer of the application.
REFUSALS = {400, 408}


class Refused(Exception):
    """The server has answered that the request is not whole, and closes."""


@dataclass
class Bench:
    server: ServerProcess
    address: TcpAddress
    worker: int
    descriptors: int
    seen: Path
    file: Path

    def bodies_seen(self) -> set[str]:
        return set(self.seen.read_text().splitlines())


@pytest.fixture(scope="module")
def bench(start_server_for_session: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("disturbed")
    seen, file = folder / "seen", folder / "file"
    seen.touch()
    file.write_bytes(BODY)
    server = start_server_for_session(
        "trivet",
        "remembering:app",
        REPOSITORY / "tests" / "apps",
        threads=4,
        environment={"SEEN_BODIES": str(seen)},
    )
    address = server.address
    assert isinstance(address, TcpAddress)
    with DisturbingProxy(address, BENIGN["nothing"]) as proxy, DisturbedWire(proxy) as wire:
        expect(wire, b"hello")(*get("/hello"))  # what listens before that is the supervisor
    [worker] = server.child_pids()
    return Bench(server, address, worker, descriptors_of(worker), seen, file)


@pytest.fixture
def undamaged(bench: Bench) -> Iterator[Bench]:
    """The bench, which must be as it was afterwards."""
    yield bench
    with DisturbingProxy(bench.address, BENIGN["nothing"]) as proxy, DisturbedWire(proxy) as wire:
        expect(wire, SMALL)(*post("/take", SMALL))
    bench.server.wait_until(
        lambda: descriptors_of(bench.worker) <= bench.descriptors, "gives its descriptors back"
    )
    assert bench.server.child_pids() == [bench.worker], bench.server.output
    whole = {f"{len(body)} {zlib.crc32(body)}" for body in (SMALL, BODY)}
    assert bench.bodies_seen() <= whole


Request = tuple[str, bytes]


def get(target: str, method: str = "GET") -> Request:
    return method, build_request(method, target)


def post(target: str, body: bytes) -> Request:
    return "POST", build_request("POST", target, body=body)


def post_chunked(target: str, body: bytes) -> Request:
    head = build_request("POST", target, [("Transfer-Encoding", "chunked")])
    return "POST", head + chunked(body[at : at + 999] for at in range(0, len(body), 999))


def expect(wire: Wire, body: bytes) -> Callable[[str, bytes], None]:
    """Return what sends a request and reads an answer, which must be whole and right."""

    def ask(method: str, request: bytes) -> None:
        wire.send(request)
        read(wire, method, body)

    return ask


def read(wire: Wire, method: str, body: bytes, interim: int | None = None) -> None:
    answer = wire.read_response(method)
    if answer.status in REFUSALS:
        assert answer.says_close
        raise Refused(answer.status)
    assert answer.status == 200
    assert answer.body == (b"" if method == "HEAD" else body)
    if interim is not None:
        assert answer.interim in ([], [interim])


# The conversations: each is held with the server under each disturbance.


def keep_alive(wire: Wire, bench: Bench) -> None:
    for _ in range(3):
        expect(wire, b"hello")(*get("/hello"))
        expect(wire, SMALL)(*post("/take", SMALL))


def pipelined(wire: Wire, bench: Bench) -> None:
    requests = [(get("/hello"), b"hello"), (post("/take", SMALL), SMALL)] * 2
    requests += [(post_chunked("/take", BODY), BODY), (get("/hello"), b"hello")]
    wire.send(b"".join(request for (_, request), _ in requests))
    for (method, _), body in requests:
        read(wire, method, body)


def body_of_known_length(wire: Wire, bench: Bench) -> None:
    for _ in range(2):
        expect(wire, BODY)(*post("/take", BODY))


def body_in_chunks(wire: Wire, bench: Bench) -> None:
    for _ in range(2):
        expect(wire, BODY)(*post_chunked("/take", BODY))


def answer_in_chunks(wire: Wire, bench: Bench) -> None:
    for _ in range(2):
        expect(wire, BODY)(*get("/parts?count=70&size=1000"))


def file(wire: Wire, bench: Bench) -> None:
    for _ in range(2):
        expect(wire, BODY)(*get(f"/file?path={bench.file}"))


def continued(wire: Wire, bench: Bench) -> None:
    """The body is sent when the server asks for it (RFC 9110 section 10.1.1)."""
    for body in (SMALL, BODY):
        fields = [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
        wire.send(build_request("POST", "/take", fields))
        interim = wire.read_head()
        if interim.status in REFUSALS:
            raise Refused(interim.status)
        assert interim.status == 100
        wire.send(body)
        read(wire, "POST", body)


def head(wire: Wire, bench: Bench) -> None:
    for _ in range(3):
        expect(wire, BODY)(*get(f"/whole?size={len(BODY)}", "HEAD"))
        expect(wire, b"hello")(*get("/hello"))


CONVERSATIONS = (
    keep_alive,
    pipelined,
    body_of_known_length,
    body_in_chunks,
    answer_in_chunks,
    file,
    continued,
    head,
)


@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("name", BENIGN)
def test_how_bytes_travel_changes_no_answer(
    undamaged: Bench, name: str, conversation: Callable[[Wire, Bench], None]
) -> None:
    with (
        DisturbingProxy(undamaged.address, BENIGN[name]) as proxy,
        DisturbedWire(proxy) as wire,
    ):
        conversation(wire, undamaged)


@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("name", CUTTING)
def test_a_connection_that_is_cut_is_seen_to_be_cut(
    undamaged: Bench, name: str, conversation: Callable[[Wire, Bench], None]
) -> None:
    with (
        DisturbingProxy(undamaged.address, CUTTING[name]) as proxy,
        DisturbedWire(proxy) as wire,
    ):
        try:
            conversation(wire, undamaged)
        except (ConnectionCut, ConnectionError, Refused):
            assert proxy.cuts == 1
