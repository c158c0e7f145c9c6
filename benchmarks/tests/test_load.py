"""What wrk is told to send, and reading what it says."""

import pytest

from benchmarks.load import lua_script, parse_result
from benchmarks.scenarios import SCENARIOS


def test_the_summary_line_is_found_among_wrks_own_lines() -> None:
    load = parse_result("Running 2s test\n  1 threads\n\nRESULT 2000 2000000 3 600 4100\n")
    assert (load.requests, load.seconds, load.errors) == (2000, 2.0, 3)
    assert (load.p50_seconds, load.p99_seconds) == (0.0006, 0.0041)


def test_output_without_a_summary_is_an_error() -> None:
    with pytest.raises(ValueError, match="no summary"):
        parse_result("unable to connect to 127.0.0.1:1 Connection refused")


def test_a_body_is_sent_with_its_whole_length() -> None:
    script = lua_script(SCENARIOS["echo-100k"])
    assert 'wrk.method = "POST"' in script
    assert 'string.rep("x", 102400)' in script
