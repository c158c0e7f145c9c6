"""An application with threads of its own: one computes for ever, one beats like a pool."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

#: CPU seconds of the computing thread, beats of the other, and the longest it was late.
state = {"computed_seconds": 0.0, "beats": 0.0, "latest_beat_seconds": 0.0}

BEAT_SECONDS = 0.005


def compute() -> None:
    rounds = 0
    while True:
        rounds += 1
        if rounds % 10_000 == 0:
            state["computed_seconds"] = time.thread_time()


def beat() -> None:
    while True:
        began = time.monotonic()
        time.sleep(BEAT_SECONDS)
        late = time.monotonic() - began - BEAT_SECONDS
        state["latest_beat_seconds"] = max(state["latest_beat_seconds"], late)
        state["beats"] += 1


for work in (compute, beat):
    threading.Thread(target=work, daemon=True).start()


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    body = json.dumps(state).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
