"""What `trivet top` draws fits the screen, and numbers stay whole on a narrow one."""

from typing import Any

import pytest
from rich.console import Console

from trivet.cli.top_screen import picture


def look(threads: int, routes: int, answers: bool = True) -> dict[str, Any]:
    worker = {
        "worker": 1,
        "pid": 4711,
        "state": "serving",
        "answers": answers,
        "age_seconds": 30.0,
        "requests": 12_345,
        "memory_bytes": 50 * 1024**2,
        "busy_threads": threads,
        "threads": threads,
        "connections": threads,
        "mode": "late",
        "requests_per_second": 99.4,
    }
    entry = {
        "worker": 1,
        "thread": "trivet-1",
        "request": "GET /report?[bold]=" + "x" * 200,
        "age_seconds": 12.3,
        "file": "/srv/shop/views.py" if answers else "",
        "line": 7,
        "function": "report",
        "text": "rows = fetch()",
    }
    route = {"route": "GET /report", "count": 5, "mean_seconds": 0.15, "longest_seconds": 1.25}
    server = {
        "app": "shop:app",
        "urls": ["http://127.0.0.1:8000"],
        "pid": 1,
        "age_seconds": 60.0,
        "memory_bytes": 8 * 1024**2,
        "reloading": False,
        "stop_announced": False,
        "stopping": False,
        "preload": [],
        "requests_per_second": 99.4,
        "directory": "/srv/shop",
    }
    return {
        "server": server,
        "workers": [worker],
        "running": [entry] * threads,
        "routes": [route] * routes,
    }


def drawn(shown: dict[str, Any], width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, force_terminal=False)
    with console.capture() as capture:
        console.print(picture(shown, height))
    return capture.get().splitlines()


@pytest.mark.parametrize("height", [16, 24, 50])
@pytest.mark.parametrize(("threads", "routes"), [(0, 0), (3, 40), (200, 0), (200, 40)])
def test_a_look_has_no_more_lines_than_the_screen(height: int, threads: int, routes: int) -> None:
    lines = drawn(look(threads, routes), 80, height)
    assert len(lines) <= height
    assert any("GET /report  " in line for line in lines) == bool(routes)


def test_on_80_columns_numbers_are_whole_and_texts_cut() -> None:
    lines = drawn(look(2, 1), 80, 24)
    text = "\n".join(lines)
    assert all(part in text for part in ("12,345", "2 of 2", "99/s", "12.3s", "1.2s", "150ms"))
    assert "GET /report?[bold]=" in text, "brackets are no markup"
    assert "report in views.py:7" in text


def test_a_worker_that_does_not_answer_says_why_there_is_no_line() -> None:
    assert "Python's lock is held" in "\n".join(drawn(look(1, 0, answers=False), 80, 24))
