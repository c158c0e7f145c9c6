"""The command line of the benchmarks: `list`, `compare`, `count` and `app`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare import compare
from benchmarks.count import count_instructions, count_system_calls, counts_table
from benchmarks.environments import HERE
from benchmarks.in_process import app_microseconds
from benchmarks.peers import DEFAULT_PEERS, PEERS
from benchmarks.plot import svg
from benchmarks.ratios import Row, Turn, rows
from benchmarks.report import HowRun, table, write_json
from benchmarks.scenarios import SCENARIOS

DEFAULT_SCENARIOS = ("hello", "flask-hello")
RESULTS = HERE / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 when a peer that was asked for gave no number."""
    options = _parser().parse_args(arguments)
    commands = {"list": _list, "compare": _compare, "count": _count, "app": _app}
    return commands[options.command](options)


def _list(options: argparse.Namespace) -> int:
    for heading, named in (("scenarios", SCENARIOS), ("peers", PEERS)):
        print(f"{heading}:")
        for name, entry in named.items():
            print(f"  {name:20} {entry.about}")
    return 0


def _compare(options: argparse.Namespace) -> int:
    peers = [PEERS[name] for name in options.peers]
    how = HowRun.here(rounds=options.rounds, seconds=options.seconds, pinned=options.pin)
    turns: dict[str, dict[str, list[Turn]]] = {}
    results: dict[str, list[Row]] = {}
    incomplete = False
    for name in options.scenario or DEFAULT_SCENARIOS:
        scenario = SCENARIOS[name]
        measured = compare(
            scenario, peers, rounds=options.rounds, seconds=options.seconds, pin=options.pin
        )
        expected = {peer.name for peer in peers if scenario.canned or not peer.canned}
        incomplete |= measured.keys() != expected
        if not measured:
            continue
        reference = options.reference if options.reference in measured else next(iter(measured))
        turns[name], results[name] = measured, rows(measured, reference)
        title = f"{name}: {scenario.about}, {scenario.connections} connections"
        print(table(title, results[name], reference, how))
        picture = svg(f"CPU per request, {title}", results[name], reference, how.sentence())
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / f"{name}.svg").write_text(picture)
    write_json(options.output / "compare.json", turns, results, how)
    print(f"details and plots: {options.output}")
    return int(incomplete)


def _count(options: argparse.Namespace) -> int:
    for name in options.scenario or DEFAULT_SCENARIOS:
        scenario = SCENARIOS[name]
        counted = []
        for peer in (PEERS[name] for name in options.peers):
            if peer.canned and not scenario.canned:
                continue
            calls = count_system_calls(scenario, peer)
            instructions = (
                None
                if options.system_calls_only
                else count_instructions(scenario, peer, requests=options.requests)
            )
            counted.append((peer.name, instructions, calls))
        print(counts_table(scenario, counted))
    return 0


def _app(options: argparse.Namespace) -> int:
    for name in options.scenario or DEFAULT_SCENARIOS:
        microseconds = app_microseconds(SCENARIOS[name])
        print(f"{name}: {microseconds:.2f} µs of CPU per call of the app, without any server")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Trivet beside its peers; see benchmarks/README.md"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every scenario and peer")

    compare_parser = commands.add_parser(
        "compare", help="CPU per request, requests per second and p99, interleaved"
    )
    _add_choices(compare_parser, DEFAULT_PEERS)
    compare_parser.add_argument("--rounds", type=int, default=5)
    compare_parser.add_argument("--seconds", type=int, default=2, help="of each turn")
    compare_parser.add_argument(
        "--pin", action="store_true", help="server on CPU 0, client on CPU 1"
    )
    compare_parser.add_argument("--reference", choices=PEERS, default="trivet")
    compare_parser.add_argument(
        "--output", type=Path, default=RESULTS, help="directory for JSON and plots"
    )

    count_parser = commands.add_parser(
        "count", help="user instructions (callgrind) and system calls (strace) per request"
    )
    _add_choices(count_parser, ("trivet",))
    count_parser.add_argument("--requests", type=int, default=1024, help="counted by callgrind")
    count_parser.add_argument(
        "--system-calls-only", action="store_true", help="without callgrind, which is slow"
    )

    app_parser = commands.add_parser("app", help="CPU of the app itself, called in-process")
    _add_scenarios(app_parser)
    return parser


def _add_scenarios(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scenario", action="append", choices=SCENARIOS, help="repeatable; default: two hellos"
    )


def _add_choices(parser: argparse.ArgumentParser, peers: Sequence[str]) -> None:
    _add_scenarios(parser)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(peers), metavar="PEER")


if __name__ == "__main__":
    sys.exit(main())
