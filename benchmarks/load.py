"""Load from wrk: it sends the scenario's request, and a line printed in Lua says what it saw."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scenarios import BROWSER_HEADERS, Scenario

RESULT_MARK = "RESULT "


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw. Times in seconds."""

    requests: int
    seconds: float
    errors: int  # connect, read, write, time-out, and answers that were not 2xx or 3xx
    p50_seconds: float
    p99_seconds: float


def run_load(
    scenario: Scenario,
    *,
    port: int,
    seconds: float,
    directory: Path,
    cpus: set[int] | None = None,
    under: Sequence[str] = (),
) -> Load:
    """Run wrk with one thread against a server for at least a second; blocks for that long.

    `directory` is for the script that tells wrk what to send; `under` goes before the command.
    Raises CalledProcessError.
    """
    script = directory / f"{scenario.name}.lua"
    script.write_text(lua_script(scenario))
    pinned = ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus)))] if cpus else []
    whole_seconds = max(1, round(seconds))  # wrk knows no fractions
    command = [
        *under,
        *pinned,
        "wrk",
        "--threads=1",
        f"--connections={scenario.connections}",
        f"--duration={whole_seconds}s",
        "--timeout=10s",
        f"--script={script}",
        f"http://127.0.0.1:{port}{scenario.path}",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return parse_result(done.stdout)


def lua_script(scenario: Scenario) -> str:
    """The script for wrk: the scenario's request, and a summary line that a program can read."""
    headers: Mapping[str, str] = BROWSER_HEADERS
    lines = [f'wrk.method = "{scenario.method}"']
    lines += [f'wrk.headers["{name}"] = {_lua_string(value)}' for name, value in headers.items()]
    if scenario.body:
        lines.append('wrk.headers["Content-Type"] = "application/octet-stream"')
        # A hundred KiB of one letter are shorter as an expression.
        lines.append(f'wrk.body = string.rep("{chr(scenario.body[0])}", {len(scenario.body)})')
    lines += [
        "function done(summary, latency, requests)",
        "  local e = summary.errors",
        "  local errors = e.connect + e.read + e.write + e.status + e.timeout",
        f'  io.write(string.format("\\n{RESULT_MARK}%d %d %d %d %d\\n", summary.requests,',
        "    summary.duration, errors, latency:percentile(50), latency:percentile(99)))",
        "end",
    ]
    return "\n".join(lines) + "\n"


def parse_result(output: str) -> Load:
    """Read our summary line (microseconds) out of wrk's output; ValueError when it is not there."""
    for line in output.splitlines():
        if line.startswith(RESULT_MARK):
            requests, duration, errors, p50, p99 = map(int, line.removeprefix(RESULT_MARK).split())
            return Load(requests, duration / 1e6, errors, p50 / 1e6, p99 / 1e6)
    raise ValueError(f"no summary from wrk in: {output[-500:]}")


def _lua_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
