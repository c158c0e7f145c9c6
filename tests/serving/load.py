"""Clients in threads that ask again and again on kept connections, and remember what went wrong."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.serving.addresses import Address
from tests.serving.wire import ConnectionCut, Wire


@dataclass(frozen=True)
class Failure:
    """A request without a whole answer. `answered_before`: bodies of this connection's answers."""

    error: str
    answered_before: tuple[bytes, ...]


@dataclass
class Load:
    """What the clients saw. Written by their threads under the lock, read when they have ended."""

    answers: int = 0
    refused: int = 0
    failures: list[Failure] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _enough: threading.Event = field(default_factory=threading.Event)
    _progress: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_answers(self, count: int, timeout_seconds: float = 30.0) -> None:
        """Return when so many answers have come, all in all."""
        with self._progress:
            assert self._progress.wait_for(lambda: self.answers >= count, timeout_seconds), (
                f"{self.answers} of {count} answers in {timeout_seconds:g} s; {self.failures[:3]}"
            )

    def _run(self, address: Address, target: str, keeps_alive: bool) -> None:
        """One client's thread. It ends when told to, or when connections are refused."""
        while not self._enough.is_set():
            try:
                wire = Wire(address)
            except OSError:
                with self._lock:
                    self.refused += 1
                return
            with wire:
                self._ask(wire, target, keeps_alive)

    def _ask(self, wire: Wire, target: str, keeps_alive: bool) -> None:
        """Ask until the connection ends, or it is enough."""
        fields = [] if keeps_alive else [("Connection", "close")]
        last: tuple[bytes, ...] = ()
        while not self._enough.is_set():
            try:
                answer = wire.exchange("GET", target, fields)
            except (ConnectionCut, OSError) as error:
                with self._lock:
                    self.failures.append(Failure(f"{type(error).__name__}: {error}", last))
                return
            if answer.status != 200:
                with self._lock:
                    self.wrong.append(f"{answer.status} {answer.reason}")
            last = (answer.body,)
            with self._progress:
                self.answers += 1
                self._progress.notify_all()
            if answer.says_close:
                return


@contextmanager
def under_load(address: Address, target: str, clients: int, *, closing: int = 0) -> Iterator[Load]:
    """Keep `clients` connections busy inside the block; the results are whole after it.

    So many of them as `closing` says open a new connection for each request.
    """
    load = Load()
    threads = [
        threading.Thread(target=load._run, args=(address, target, number >= closing), daemon=True)
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load._enough.set()
        for thread in threads:
            thread.join(timeout=30)
