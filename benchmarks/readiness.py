"""How long /-/ready takes while every thread is blocked and thousands of requests wait.

`python -m benchmarks.readiness`. Each probe has a connection of its own, as a load balancer's has.
Two states are measured: while the crowd comes, all at once, and when all of it waits.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.crowd import RESET_AT_CLOSE, allow_open_files

THREADS = 4
PROBE = b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
APP = """
import threading

def app(environ, start_response):
    threading.Event().wait()
"""
PROBE_SECONDS = 30.0
PAUSE_SECONDS = 0.005


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one row for each number of workers and each state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--waiting", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--probes", type=int, default=50, help="in each state of each round")
    options = parser.parse_args(arguments)
    allow_open_files(options.waiting * 2 + 1_000)
    print("workers  state    probes     p50     p90     p99     max  ms")
    for workers in options.workers:
        coming: list[float] = []
        waiting: list[float] = []
        for _ in range(options.rounds):
            with (
                _server(workers) as port,
                _crowd(port, options.waiting + workers * THREADS) as told,
            ):
                told.send("come")
                while not told.poll():
                    coming.append(_probe(port))
                    time.sleep(PAUSE_SECONDS)
                assert told.recv() == "here"
                # Until the server has taken all of them in the crowd is still coming.
                coming += [_probe(port) for _ in range(options.probes)]
                time.sleep(1)
                for _ in range(options.probes):
                    waiting.append(_probe(port))
                    time.sleep(PAUSE_SECONDS)
        for state, times in (("coming", coming), ("waiting", waiting)):
            print(f"{workers:7}  {state:7} {_row(times)}", flush=True)
    return 0


def _row(seconds: list[float]) -> str:
    ordered = sorted(second * 1000 for second in seconds)
    parts = [ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 90, 99, 100)]
    return f"{len(ordered):6}  " + " ".join(f"{part:7.2f}" for part in parts)


def _probe(port: int) -> float:
    """Seconds from before the connect until the whole answer is there."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=PROBE_SECONDS) as probe:
        probe.sendall(PROBE)
        answer = b""
        while part := probe.recv(4096):
            answer += part
    took = time.perf_counter() - began
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"a probe was answered with {answer[:80]!r}")
    return took


@contextmanager
def _server(workers: int) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        Path(name, "blocked.py").write_text(APP)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        flags = ["--workers", str(workers), "--threads", str(THREADS), "--timeout", "0"]
        command = [sys.executable, "-m", "trivet", "serve", "blocked:app", "--port", str(port)]
        log = Path(name, "log")
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*command, *flags, "--graceful-timeout", "0s", "--no-access-log"],
                cwd=name,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            while b"server-ready" not in log.read_bytes():
                if server.poll() is not None:
                    raise SystemExit(log.read_text())
                time.sleep(0.01)
            yield port
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(30)


@contextmanager
def _crowd(port: int, count: int) -> Iterator[Connection]:
    """A process of its own, so that the probes do not wait for the one that connects."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_come, args=(there, port, count))
    process.start()
    there.close()
    try:
        yield here
    finally:
        with suppress(BrokenPipeError):
            here.send("go")
        process.join()


def _come(told: Connection, port: int, count: int) -> None:
    sockets = []
    told.recv()
    with selectors.DefaultSelector() as selector:
        for number in range(count):
            one = socket.socket()
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            one.connect_ex(("127.0.0.1", port))
            selector.register(one, selectors.EVENT_WRITE, number)
            sockets.append(one)
            _send(selector, 0)
        while selector.get_map():
            _send(selector, 1)
    told.send("here")
    told.recv()
    for one in sockets:
        one.close()


def _send(selector: selectors.BaseSelector, patience: float) -> None:
    for key, _ in selector.select(patience):
        one = key.fileobj
        assert isinstance(one, socket.socket)
        one.send(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % key.data)
        selector.unregister(one)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
