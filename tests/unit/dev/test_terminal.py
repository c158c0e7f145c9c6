"""trivet.dev.terminal: what comes first on the screen; keys are in tests/system."""

import io
from typing import Any

from trivet.dev.failure import Failure
from trivet.dev.request_lines import SeenRequest
from trivet.dev.screen import StartFacts
from trivet.dev.terminal import Terminal
from trivet.observe.log import Log

FACTS = StartFacts(urls=("http://127.0.0.1:8000",), app="shop:app", reason="", watch="3 python")


def terminal_for(*, person: bool) -> tuple[Terminal, Any]:
    stream = io.StringIO()
    return Terminal(Log(stream), as_screen=person), stream


def test_what_happens_before_the_start_screen_is_told_after_it() -> None:
    terminal, stream = terminal_for(person=True)
    terminal.failed(Failure(error="SyntaxError: invalid syntax"))
    terminal.request(SeenRequest(method="GET", path="/", status=500, seconds=0.001, view=""))
    assert stream.getvalue() == ""
    terminal.started(FACTS)
    told = stream.getvalue()
    assert told.index("http://127.0.0.1:8000") < told.index("SyntaxError") < told.index("GET")


def test_a_person_has_the_address_before_all_files_were_looked_at() -> None:
    terminal, stream = terminal_for(person=True)
    terminal.starting(FACTS)
    terminal.ready(0.1)
    assert stream.getvalue().index("http://127.0.0.1:8000") < stream.getvalue().index("ready")
    terminal.started(FACTS)
    assert stream.getvalue().count("http://127.0.0.1:8000") == 1
    assert "watching 3 python" in stream.getvalue()


def test_a_log_tells_of_the_start_when_files_are_watched() -> None:
    terminal, stream = terminal_for(person=False)
    terminal.starting(FACTS)
    assert stream.getvalue() == ""
    terminal.started(FACTS)
    assert "dev-started" in stream.getvalue()


def test_an_end_before_the_start_screen_loses_nothing() -> None:
    terminal, stream = terminal_for(person=True)
    terminal.note("the watcher has died")
    terminal.close()
    assert "the watcher has died" in stream.getvalue()
