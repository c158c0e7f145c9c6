"""What an editor says to debugpy: attach to every process, set a breakpoint, look, go on.

The Debug Adapter Protocol, as far as the tests need it. Each process of the debugged program is a
session of its own, on a connection of its own to the same adapter, which tells of new ones. One
thread reads each connection.
"""

import json
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serving.addresses import TcpAddress

#: Generous, because the machine may be busy; nothing waits this long when all is well.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Stop:
    """A thread that stands at the breakpoint."""

    session: "Session"
    thread: int

    def evaluate(self, expression: str) -> str:
        """The value of an expression in the frame that stands, as the editor would show it."""
        frames = self.session.ask("stackTrace", threadId=self.thread)["stackFrames"]
        answer = self.session.ask(
            "evaluate", expression=expression, frameId=frames[0]["id"], context="repl"
        )
        return str(answer["result"])

    def go_on(self) -> None:
        self.session.ask("continue", threadId=self.thread)


class EditorClient:
    """An editor with one breakpoint. `close()` lets the program go on by itself."""

    def __init__(self, adapter: TcpAddress, file: Path, line: int) -> None:
        self.adapter = adapter
        self.breakpoints = {"source": {"path": str(file)}, "breakpoints": [{"line": line}]}
        #: Threads that stand at the breakpoint, in the order in which they came there.
        self.stops: queue.Queue[Stop] = queue.Queue()
        self._sessions: list[Session] = []
        self._watched: set[int] = set()
        self._change = threading.Condition()

    def attach(self, **arguments: Any) -> None:
        """Attach to the program, or to one of its processes when the adapter tells of it."""
        session = Session(self, arguments or {"subProcess": True, "justMyCode": False})
        with self._change:
            self._sessions.append(session)

    def is_watched(self, process: int) -> None:
        """Called by a session: it has the breakpoint in this process."""
        with self._change:
            self._watched.add(process)
            self._change.notify_all()

    def wait_until_watched(self, process: int) -> None:
        with self._change:
            watched = self._change.wait_for(lambda: process in self._watched, PATIENCE_SECONDS)
        assert watched, f"the breakpoint is not in process {process} but in {self._watched}"

    def wait_for_stop(self) -> Stop:
        return self.stops.get(timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        # A session that ends may add another one up to its end.
        while self._sessions:
            self._sessions.pop().close()


class Session:
    """One debugged process."""

    def __init__(self, client: EditorClient, arguments: dict[str, Any]) -> None:
        self._client = client
        self._process = int(arguments.get("subProcessId", 0))
        self._socket = socket.create_connection(("127.0.0.1", client.adapter.port))
        self._file = self._socket.makefile("rb")
        self._sending = threading.Lock()
        self._number = 0
        self._answered: dict[int, Callable[[dict[str, Any]], None]] = {}
        self._events: dict[str, Callable[[dict[str, Any]], None]] = {
            "initialized": lambda body: self._configure(),
            "debugpyAttach": lambda body: client.attach(**body),
            "stopped": lambda body: client.stops.put(Stop(self, body["threadId"])),
        }
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._send("initialize", {"adapterID": "trivet", "pathFormat": "path"})
        self._send("attach", arguments)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The body of the answer. Not for the thread that reads."""
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._send(command, arguments, answers.put)
        answer = answers.get(timeout=PATIENCE_SECONDS)
        assert answer["success"], answer
        body: dict[str, Any] = answer.get("body") or {}
        return body

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the process has ended, and the adapter has closed
        self._reader.join(PATIENCE_SECONDS)
        self._file.close()
        self._socket.close()

    def _configure(self) -> None:
        self._send("setBreakpoints", self._client.breakpoints)
        # Up to this answer the process stands still, if it began while somebody was attached.
        self._send("configurationDone", {}, lambda answer: self._client.is_watched(self._process))

    def _send(
        self,
        command: str,
        arguments: dict[str, Any],
        answered: Callable[[dict[str, Any]], None] = lambda answer: None,
    ) -> None:
        with self._sending:
            self._number += 1
            self._answered[self._number] = answered
            request = {
                "seq": self._number,
                "type": "request",
                "command": command,
                "arguments": arguments,
            }
            text = json.dumps(request).encode()
            self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))

    def _read(self) -> None:
        while (message := self._next_message()) is not None:
            if message["type"] == "response":
                self._answered.pop(message["request_seq"])(message)
            elif message["type"] == "event" and message["event"] in self._events:
                self._events[message["event"]](message.get("body") or {})

    def _next_message(self) -> dict[str, Any] | None:
        length = 0
        try:
            while (line := self._file.readline()) not in (b"", b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            text = self._file.read(length)
        except OSError:  # the adapter was killed
            return None
        return json.loads(text) if length and len(text) == length else None
