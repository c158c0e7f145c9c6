"""The command line of the benchmarks: `bars`, `list`, `compare`, `count`, `footprint`, `app`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bar_measurements import Effort
from benchmarks.bars import BARS
from benchmarks.bars_table import bars_table, measure_bars, write_bars_json
from benchmarks.client import WrongAnswer
from benchmarks.compare import compare
from benchmarks.count import Counted, count_peer, counts_table
from benchmarks.environments import HERE, CannotInstall
from benchmarks.footprint import Footprint, footprint, footprints_table
from benchmarks.in_process import app_microseconds
from benchmarks.interleave import Measured
from benchmarks.peers import DEFAULT_PEERS, PEERS
from benchmarks.plot import svg
from benchmarks.processes import ServerFailed
from benchmarks.ratios import Row, rows
from benchmarks.report import HowRun, table, write_json
from benchmarks.scenarios import SCENARIOS

DEFAULT_SCENARIOS = ("hello", "flask-hello")
RESULTS = HERE / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 when a peer that was asked for gave no number."""
    options = _parser().parse_args(arguments)
    commands = {
        "bars": _bars,
        "list": _list,
        "compare": _compare,
        "count": _count,
        "footprint": _footprint,
        "app": _app,
    }
    return commands[options.command](options)


def _list(options: argparse.Namespace) -> int:
    for heading, named in (("scenarios", SCENARIOS), ("peers", PEERS)):
        print(f"{heading}:")
        for name, entry in named.items():
            print(f"  {name:20} {entry.about}")
    return 0


def _bars(options: argparse.Namespace) -> int:
    how = HowRun.here(rounds=options.rounds, seconds=options.seconds, pinned=False)
    names = options.row or list(BARS)
    results = measure_bars(names, Effort(options.rounds, options.seconds))
    text = bars_table(results, how)
    print(text)
    # A few rows must not overwrite the whole table.
    stem = "bars" if not options.row else "bars-" + "-".join(options.row)
    write_bars_json(options.output / f"{stem}.json", results, how)
    (options.output / f"{stem}.md").write_text(text)
    print(f"written: {options.output / stem}.md and .json")
    return int(any(result.measured is None for result in results))


def _compare(options: argparse.Namespace) -> int:
    peers = [PEERS[name] for name in options.peers]
    how = HowRun.here(rounds=options.rounds, seconds=options.seconds, pinned=options.pin)
    measured: dict[str, Measured] = {}
    results: dict[str, list[Row]] = {}
    for name in options.scenario or DEFAULT_SCENARIOS:
        scenario = SCENARIOS[name]
        seen = measured[name] = compare(
            scenario, peers, rounds=options.rounds, seconds=options.seconds, pin=options.pin
        )
        reference = options.reference
        if reference not in seen.turns:
            reference = next(iter(seen.turns), reference)
        results[name] = rows(seen.turns, reference)
        title = f"{name}: {scenario.about}, {scenario.connections} connections"
        print(table(title, results[name], reference, how, seen.left_out))
        if not seen.turns:
            continue
        picture = svg(
            f"CPU per request, {title}", results[name], reference, how.sentence(), seen.left_out
        )
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / f"{name}.svg").write_text(picture)
    write_json(options.output / "compare.json", measured, results, how)
    print(f"details and plots: {options.output}")
    return int(any(seen.left_out for seen in measured.values()))


def _count(options: argparse.Namespace) -> int:
    requests = 0 if options.system_calls_only else options.requests
    incomplete = False
    for name in options.scenario or DEFAULT_SCENARIOS:
        scenario = SCENARIOS[name]
        counted: list[Counted] = []
        for peer in (PEERS[name] for name in options.peers):
            if peer.canned and not scenario.canned:
                continue
            counted.append(count_peer(scenario, peer, requests=requests))
        incomplete |= any(one.failed for one in counted)
        print(counts_table(scenario, counted))
    return int(incomplete)


def _footprint(options: argparse.Namespace) -> int:
    seen: list[tuple[str, Footprint | str]] = []
    for name in options.peers:
        try:
            seen.append(
                (name, footprint(PEERS[name], times=options.times, seconds=options.seconds))
            )
        except (CannotInstall, ServerFailed, WrongAnswer) as error:
            seen.append((name, str(error)))
    print(footprints_table(seen))
    return int(any(isinstance(one, str) for _, one in seen))


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

    bars_parser = commands.add_parser("bars", help="the bars, measured: the table of results")
    bars_parser.add_argument(
        "--row", action="append", choices=BARS, help="repeatable; default: every bar"
    )
    bars_parser.add_argument("--rounds", type=int, default=5)
    bars_parser.add_argument("--seconds", type=int, default=2, help="of each turn")
    bars_parser.add_argument("--output", type=Path, default=RESULTS, help="directory of the table")

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
        "count", help="user instructions (callgrind) and system calls (perf, strace) per request"
    )
    _add_choices(count_parser, ("trivet",))
    count_parser.add_argument("--requests", type=int, default=1024, help="counted by callgrind")
    count_parser.add_argument(
        "--system-calls-only", action="store_true", help="without callgrind, which is slow"
    )

    footprint_parser = commands.add_parser(
        "footprint", help="start to first answer, memory, and CPU of an idle server"
    )
    footprint_parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=list(DEFAULT_PEERS), metavar="PEER"
    )
    footprint_parser.add_argument("--times", type=int, default=7, help="starts per peer")
    footprint_parser.add_argument("--seconds", type=int, default=5, help="of idleness")

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
