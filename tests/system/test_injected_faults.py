"""System calls that fail under the running server: it goes on, leaks nothing, and lies to nobody.

A fault hits the first calls of each thread; the client that it hits gets its whole answer, or sees
that it is cut. Everybody else is answered.
"""

import functools
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apps.answers import PART_BYTES, PARTS, pattern
from tests.conftest import StartServer
from tests.serving.faults import Injection, descriptors_of, injected, may_trace
from tests.serving.process import ServerProcess
from tests.serving.wire import ConnectionCut, Response, Wire

APPS = Path(__file__).parents[1] / "apps"
LARGE_BYTES = 3_000_000
THREADS = 4


@functools.cache
def reason_to_skip() -> str:
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "needs Linux and strace"
    return "" if may_trace() else "this machine permits no ptrace"


@dataclass
class Bench:
    """A server with one worker, which must be the same one at the end, and hold as much."""

    server: ServerProcess
    worker: int
    log: Path
    injection: Injection | None = None

    def inject(self, call: str, fault: str) -> "ExitStack[bool | None]":
        stack: ExitStack[bool | None] = ExitStack()
        self.injection = stack.enter_context(injected(self.worker, call, fault, self.log))
        return stack

    def ask(self, target: str, body: bytes | None = None) -> Response:
        with Wire(self.server.address) as wire:
            return wire.exchange("GET" if body is None else "POST", target, body=body)

    def ask_or_see_the_cut(self, target: str, body: bytes | None = None) -> Response | None:
        """An answer that is whole, or None when the client can see that it is not."""
        try:
            return self.ask(target, body)
        except (ConnectionCut, ConnectionError):
            return None


@pytest.fixture
def bench(start_server: StartServer, tmp_path: Path) -> Iterator[Bench]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    server = start_server("trivet", "answers:app", APPS, threads=THREADS)
    with Wire(server.address) as wire:  # what listens before that is the supervisor
        assert wire.exchange("GET", "/hello").body == b"hello"
    [worker] = server.child_pids()
    bench = Bench(server, worker, tmp_path / "strace")
    before = descriptors_of(worker)
    yield bench
    assert bench.injection is not None
    assert bench.injection.count > 0, "no call was made to fail"
    for _ in range(3):
        assert bench.ask("/hello").body == b"hello"
    server.wait_until(lambda: descriptors_of(worker) <= before, "gives its descriptors back")
    assert server.child_pids() == [worker], server.output


ACCEPT_FAULTS = ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EINTR", "EPROTO")


@pytest.mark.parametrize("error", ACCEPT_FAULTS)
def test_a_connection_that_cannot_be_accepted_at_first_is_answered_later(
    bench: Bench, error: str
) -> None:
    with bench.inject("accept4", f"error={error}:when=1..3"):
        assert bench.ask("/hello").body == b"hello"
        assert bench.ask("/take", b"body").body == b"body"


def test_a_connection_that_the_poller_has_no_memory_for_is_cut_and_the_next_served(
    bench: Bench,
) -> None:
    with bench.inject("epoll_ctl", "error=ENOMEM:when=1"):
        answers = [bench.ask_or_see_the_cut("/hello") for _ in range(8)]
    assert all(answer is None or answer.body == b"hello" for answer in answers)
    # One fault for each thread, and any of them may take the next connection, also the last one.
    assert bench.injection is not None
    assert answers.count(None) <= bench.injection.count <= THREADS < len(answers)


@pytest.mark.parametrize("call", ["epoll_pwait,epoll_wait", "recvfrom", "sendto", "sendmsg"])
def test_a_call_that_a_signal_interrupts_is_made_again(bench: Bench, call: str) -> None:
    with bench.inject(
        "epoll_pwait,epoll_wait" if "epoll" in call else call, "error=EINTR:when=1..5"
    ):
        for _ in range(3):
            assert bench.ask("/hello").body == b"hello"
            assert bench.ask("/take", b"body").body == b"body"
            assert bench.ask(f"/whole?size={LARGE_BYTES}").body == pattern(LARGE_BYTES)
            assert bench.ask("/parts").body == pattern(PARTS * PART_BYTES)


#: What is sent with which call; the sizes are such that there is one.
ANSWERS = {
    "/hello": ("sendto", b"hello"),
    f"/whole?size={LARGE_BYTES}": ("sendmsg", pattern(LARGE_BYTES)),
    "/parts": ("sendto,sendmsg", pattern(PARTS * PART_BYTES)),
}


@pytest.fixture
def file_target(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.write_bytes(pattern(LARGE_BYTES))
    return f"/file?path={path}"


@pytest.mark.parametrize("target", ANSWERS)
def test_an_answer_that_the_socket_has_no_room_for_at_first_is_sent_whole(
    bench: Bench, target: str
) -> None:
    """Once: the kernel that says EAGAIN while room is being watched tells later of room."""
    call, body = ANSWERS[target]
    with bench.inject(call, "error=EAGAIN:when=1"):
        for _ in range(3):
            assert bench.ask(target).body == body


def test_a_file_that_the_socket_has_no_room_for_at_first_is_sent_whole(
    bench: Bench, file_target: str
) -> None:
    with bench.inject("sendfile", "error=EAGAIN:when=1"):
        for _ in range(3):
            assert bench.ask(file_target).body == pattern(LARGE_BYTES)


SENDING_FAULTS = ("ECONNRESET", "EPIPE", "ENOMEM", "ENOBUFS", "ETIMEDOUT")


@pytest.mark.parametrize("error", SENDING_FAULTS)
@pytest.mark.parametrize("target", ANSWERS)
def test_an_answer_that_cannot_be_sent_is_seen_to_be_cut(
    bench: Bench, target: str, error: str
) -> None:
    call, body = ANSWERS[target]
    with bench.inject(call, f"error={error}:when=1"):
        answers = [bench.ask_or_see_the_cut(target) for _ in range(6)]
    assert None in answers
    assert all(answer is None or answer.body == body for answer in answers)


@pytest.mark.parametrize("error", ["ECONNRESET", "EIO", "ENOMEM"])
def test_a_file_that_cannot_be_sent_is_seen_to_be_cut(
    bench: Bench, file_target: str, error: str
) -> None:
    with bench.inject("sendfile", f"error={error}:when=2"):
        answers = [bench.ask_or_see_the_cut(file_target) for _ in range(6)]
    assert None in answers
    assert all(answer is None or answer.body == pattern(LARGE_BYTES) for answer in answers)


@pytest.mark.parametrize("error", ["ECONNRESET", "ENOMEM", "ETIMEDOUT"])
def test_a_request_that_cannot_be_read_costs_its_own_connection(bench: Bench, error: str) -> None:
    with bench.inject("recvfrom", f"error={error}:when=1..3"):
        answers = [bench.ask_or_see_the_cut("/take", b"body") for _ in range(16)]
    assert None in answers
    assert all(answer is None or answer.body == b"body" for answer in answers)


@pytest.mark.parametrize("taken", [1, 9, 40])
def test_what_a_short_write_has_taken_is_not_sent_again(bench: Bench, taken: int) -> None:
    """The call is not made: strace says that it took so many bytes, and they must be missing."""
    answers = []
    with bench.inject("sendto", f"retval={taken}:when=1"):
        for _ in range(6):
            with Wire(bench.server.address) as wire:
                wire.send(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                answers.append(wire.read_to_end())
    [whole] = {answer for answer in answers if answer.startswith(b"HTTP/1.1 200 OK")}
    assert set(answers) == {whole, whole[taken:]}


def test_what_a_short_sendfile_has_taken_is_not_sent_again(bench: Bench, file_target: str) -> None:
    taken = 70_001
    with bench.inject("sendfile", f"retval={taken}:when=2"), Wire(bench.server.address) as wire:
        wire.send(f"GET {file_target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        body = wire.read_to_end().partition(b"\r\n\r\n")[2]
    sent = pattern(LARGE_BYTES)
    assert len(body) == LARGE_BYTES - taken
    gap = next(at for at in range(len(body)) if body[at] != sent[at])
    # From the first difference on, all is as it was, further down.
    assert body[gap:] == sent[gap + taken :]


def test_a_thread_that_cannot_be_made_costs_no_request(bench: Bench) -> None:
    with ExitStack() as connections, bench.inject("clone,clone3", "error=EAGAIN:when=1..2"):
        wires = [connections.enter_context(Wire(bench.server.address)) for _ in range(16)]
        for wire in wires:
            wire.request("GET", "/allocate")
        for wire in wires:
            assert wire.read_response().status == 200
