"""What `trivet top` computes from two looks at a server."""

from typing import Any

from trivet.control.samples import sample, telling_frame


def worker(pid: int, requests: int | None, *running: dict[str, Any]) -> dict[str, Any]:
    return {"worker": pid, "pid": pid, "requests": requests, "running": list(running)}


def looks(*workers: dict[str, Any]) -> dict[str, Any]:
    return {"server": {"pid": 1}, "workers": list(workers)}


def frame(file: str, function: str) -> dict[str, Any]:
    return {"file": file, "line": 1, "function": function, "text": ""}


NO_STACKS: dict[str, Any] = {"workers": []}
BOOTSTRAP = frame("/usr/lib/python3.13/threading.py", "run")


def test_rates_are_requests_by_time_and_add_up() -> None:
    before, now = looks(worker(5, 10), worker(6, 0)), looks(worker(5, 30), worker(6, 5))
    found = sample(before, now, NO_STACKS, 2.0)
    assert [w["requests_per_second"] for w in found["workers"]] == [10.0, 2.5]
    assert found["server"]["requests_per_second"] == 12.5


def test_a_worker_that_is_new_or_does_not_answer_has_no_rate() -> None:
    found = sample(looks(worker(5, 10)), looks(worker(5, None), worker(6, 3)), NO_STACKS, 1.0)
    assert [w["requests_per_second"] for w in found["workers"]] == [None, None]
    assert found["server"]["requests_per_second"] is None


def test_the_innermost_frame_of_the_project_is_shown() -> None:
    frames = [
        BOOTSTRAP,
        frame("/srv/shop/.venv/lib/python3.13/site-packages/flask/app.py", "wsgi_app"),
        frame("/srv/shop/views.py", "index"),
        frame("/usr/lib/python3.13/socket.py", "recv_into"),
    ]
    found = telling_frame(frames)
    assert found is not None
    assert found["function"] == "index"


def test_a_thread_that_waits_runs_nothing() -> None:
    assert telling_frame([BOOTSTRAP]) is None


def test_a_worker_that_does_not_answer_is_shown_with_the_requests_that_it_has_told_of() -> None:
    stacks = {"workers": [{"worker": 5, "pid": 5, "threads": None}]}
    told = {"request": "GET /hold", "age_seconds": 9.0, "thread": 77}
    (found,) = sample(None, looks(worker(5, 1, told)), stacks, 1.0)["running"]
    assert (found["worker"], found["request"], found["age_seconds"]) == (5, "GET /hold", 9.0)
    assert (found["thread"], found["function"]) == ("thread 77", "")


def test_of_a_worker_that_answers_its_stacks_count_and_the_longest_come_first() -> None:
    def thread(name: str, age: float) -> dict[str, Any]:
        frames = [frame("/srv/shop/views.py", name)]
        asked = {"method": "GET", "target": f"/{name}", "seconds": age, "request_id": "7f"}
        return {"name": name, "frames": frames, "request": asked}

    threads = [thread("short", 0.5), thread("long", 20.0)]
    stacks = {"workers": [{"worker": 5, "pid": 5, "threads": threads}]}
    told = {"request": "GET /old", "age_seconds": 1.0, "thread": 77}
    found = sample(None, looks(worker(5, 1, told)), stacks, 1.0)["running"]
    assert [entry["request"] for entry in found] == ["GET /long", "GET /short"]


def test_routes_are_passed_on() -> None:
    routes = [{"route": "GET /", "count": 1, "mean_seconds": 0.1, "longest_seconds": 0.1}]
    assert sample(None, {**looks(), "routes": routes}, NO_STACKS, 1.0)["routes"] == routes
