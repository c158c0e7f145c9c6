"""A supervisor's loop around `Terminal` and nothing else, for tests with a pseudo-terminal."""

import selectors
import signal
import socket
import sys

from trivet.dev.failure import Failure
from trivet.dev.request_lines import SeenRequest
from trivet.dev.screen import StartFacts
from trivet.dev.terminal import QUIT, RESTART, Terminal
from trivet.observe.log import Log

FACTS = StartFacts(
    urls=("http://127.0.0.1:8000",),
    app="shop:app",
    reason="found in shop.py",
    framework="Flask 3.1.3",
    environment=((".env", ("SECRET_KEY",)),),
    open_url="http://127.0.0.1:8000/?token",
)
FAILURE = Failure(
    error="ZeroDivisionError: division by zero",
    path="shop.py",
    line=3,
    source="return 1 / 0",
    column=7,
    end_column=12,
    traceback="Traceback (most recent call last): …\nZeroDivisionError: division by zero",
    url="http://127.0.0.1:8000/-/trivet/errors/7",
)


def opens(url: str) -> str:
    print(f"opened {url}", flush=True)
    return ""


def main() -> None:
    log = Log(sys.stderr)
    terminal = Terminal(log, sys.stdin, difference=lambda: "workers  1  2", opens=opens)
    with terminal, selectors.PollSelector() as selector:
        terminal.started(FACTS)
        terminal.request(
            SeenRequest(method="GET", path="/", status=200, seconds=0.012, view="shop")
        )
        terminal.request(SeenRequest(method="GET", path="/static/a.css", status=200, seconds=0.001))
        terminal.raised(FAILURE)
        if terminal.fileno() < 0:
            return
        selector.register(terminal, selectors.EVENT_READ)
        # As the supervisor does it: a signal that comes just before select() ends it all the same.
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        selector.register(woken, selectors.EVENT_READ)
        print("listening", flush=True)
        while True:
            selector.select()
            for command in terminal.read_keys():
                if command == QUIT:
                    return
                if command == RESTART:
                    terminal.reloading(["shop.py"])
                    terminal.reloaded(0.18)


if __name__ == "__main__":
    main()
    print("ended", flush=True)
