"""Compare development servers: python -m benchmarks.reload; see benchmarks/README.md."""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from benchmarks.environments import CannotInstall
from benchmarks.reload.measure import Measured, measure
from benchmarks.reload.project import SCENARIOS
from benchmarks.reload.report import table, write
from benchmarks.reload.servers import SERVERS

RESULTS = Path(__file__).parent.parent / "results"


def main() -> int:
    """Measure, print, write; 1 when a server could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reload", description=__doc__)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--edits", type=int, default=7, help="of each server in each scenario")
    parser.add_argument("--output", type=Path, default=RESULTS, help="directory of the results")
    options = parser.parse_args()
    how = (
        f"{options.edits} edits each, a request every 5 ms on a new connection; "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )
    results: dict[str, dict[str, Measured]] = {}
    for scenario, seconds in SCENARIOS.items():
        results[scenario] = {}
        for name in options.servers:
            try:
                results[scenario][name] = measure(SERVERS[name], seconds, options.edits)
            except CannotInstall as error:
                results[scenario][name] = Measured(problem=str(error).splitlines()[0])
        print(table(scenario, results[scenario], how))
    write(options.output, results, how)
    print(f"written: {options.output}/reload.md, .svg and .json")
    return int(any(one.problem for each in results.values() for one in each.values()))


if __name__ == "__main__":
    sys.exit(main())
