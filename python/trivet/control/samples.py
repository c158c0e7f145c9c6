"""What changes between two looks at a server: rates, and what its threads run; showing is top's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Files of the frames below the application's: a thread with no others waits for a request.
BOOTSTRAP = ("/threading.py", "/trivet/engine/serve.py")

#: Where libraries are; the innermost frame outside of them is the one that says most.
LIBRARIES = ("/site-packages/", "/dist-packages/", "/lib/python")

#: In the place of a frame.
UNKNOWN_FRAME = {"file": "", "line": 0, "function": "", "text": ""}


def sample(
    before: dict[str, Any] | None, now: dict[str, Any], stacks: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """One look, with what the last one adds: requests per second of each worker, and of all."""
    earlier = {worker["pid"]: worker["requests"] for worker in (before or {}).get("workers", ())}
    workers = [
        {**worker, "requests_per_second": _rate(earlier.get(worker["pid"]), worker, seconds)}
        for worker in now["workers"]
    ]
    known = [w["requests_per_second"] for w in workers if w["requests_per_second"] is not None]
    return {
        "server": {**now["server"], "requests_per_second": sum(known) if known else None},
        "workers": workers,
        "running": running(stacks, now["workers"]),
        "routes": now.get("routes", []),
    }


def _rate(before: int | None, worker: dict[str, Any], seconds: float) -> float | None:
    if before is None or worker["requests"] is None or seconds <= 0:
        return None
    return float(max(0, worker["requests"] - before) / seconds)


def running(stacks: dict[str, Any], workers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every thread that runs something, the longest first: its worker, its request, and the frame
    that says most. Of a worker that does not answer, the requests are known and no frames."""
    told = [
        {
            "worker": worker["worker"],
            "thread": thread["name"],
            **_request(thread.get("request")),
            **frame,
        }
        for worker in stacks["workers"]
        for thread in worker["threads"] or ()
        if (frame := telling_frame(thread["frames"])) is not None
    ]
    silent = {worker["pid"] for worker in stacks["workers"] if worker["threads"] is None}
    told += [
        {
            "worker": worker["worker"],
            "thread": f"thread {entry['thread']}",
            "request": entry["request"],
            "request_id": None,
            "age_seconds": entry["age_seconds"],
            **UNKNOWN_FRAME,
        }
        for worker in workers
        if worker["pid"] in silent
        for entry in worker.get("running", ())
    ]
    return sorted(told, key=lambda entry: entry["age_seconds"] or 0.0, reverse=True)


def _request(told: dict[str, Any] | None) -> dict[str, Any]:
    """The request of a thread; one that a library has started has none."""
    if told is None:
        return {"request": None, "request_id": None, "age_seconds": None}
    return {
        "request": f"{told['method']} {told['target']}",
        "request_id": told["request_id"],
        "age_seconds": told["seconds"],
    }


def telling_frame(frames: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The innermost frame of the project's own code, or of any; None for a thread that waits."""
    beyond = [f for f in frames if f["file"] and not f["file"].endswith(BOOTSTRAP)]
    own = [f for f in beyond if not any(part in f["file"] for part in LIBRARIES)]
    telling = own or beyond
    return telling[-1] if telling else None
