"""A message board that updates itself: server-sent events from a generator."""

import threading
from collections.abc import Iterator

from flask import Flask, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

# Proxies close connections that are silent for long; a comment now and then keeps them open.
SILENCE_SECONDS = 15.0

app = Flask(__name__)


class Board:
    """All messages so far, and a way to wait for the next. Used by many threads at once."""

    def __init__(self) -> None:
        self._messages: list[str] = []
        self._changed = threading.Condition()

    def post(self, message: str) -> None:
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def after(self, count: int, timeout_seconds: float) -> list[str]:
        """Return the messages after the first `count`; wait for one if there is none yet."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._messages) > count, timeout_seconds)
            return self._messages[count:]


board = Board()


@app.get("/")
def index() -> str:
    return render_template("index.html")


@app.post("/messages")
def post_message() -> ResponseReturnValue:
    message = request.form.get("message", "").strip()
    if not message:
        abort(400, "A message needs some text.")
    board.post(message)
    return "", 204


@app.get("/events")
def events() -> Response:
    """Send every message as an event, first the old ones, then each new one when it is posted."""
    # A browser that lost its connection says which event it saw last.
    seen = request.headers.get("Last-Event-ID", 0, type=int)
    return Response(
        follow(seen), mimetype="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


def follow(seen: int) -> Iterator[str]:
    """Yield events for ever; the server ends the generator when the reader leaves."""
    yield ": welcome\n\n"
    while True:
        messages = board.after(seen, SILENCE_SECONDS)
        if not messages:
            yield ": still here\n\n"
        for message in messages:
            seen += 1
            yield as_event(seen, message)


def as_event(number: int, message: str) -> str:
    """Return one event as the HTML standard (9.2.5) writes it: each line is a `data:` field."""
    lines = "".join(f"data: {line}\n" for line in message.splitlines())
    return f"id: {number}\n{lines}\n"
