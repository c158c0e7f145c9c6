"""What a statsd server is told of the time between two moments."""

from pathlib import Path

import pytest

from trivet.observe.counters import COUNTERS, DURATION_BOUNDS, PLACES, STATUSES, WIDTH, Numbers
from trivet.observe.events import LEVELS
from trivet.observe.statsd import (
    COUNTS,
    DATAGRAM_BYTES,
    GAUGES,
    LOGS,
    TIMERS,
    UNIX_DATAGRAM_BYTES,
    Moment,
    datagrams,
    lines,
    samples,
)

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "monitoring.md"


def numbers(**counted: int) -> Numbers:
    values = [0] * WIDTH
    for name, count in counted.items():
        values[PLACES[name].start] = count
    return Numbers(values)


def with_status(status: int, count: int) -> Numbers:
    values = [0] * WIDTH
    values[PLACES["answers"].start + 2] = count  # GET, 2xx
    values[PLACES["statuses"].start + status - 100] = count
    return Numbers(values)


def test_counters_are_told_as_what_was_added_and_only_when_something_was() -> None:
    before, now = numbers(bytes_sent=100, answers_cut=3), numbers(bytes_sent=150, answers_cut=3)
    counted = [line for line in lines(Moment(before), Moment(now)) if line.endswith("|c")]
    assert counted == ["sent_bytes:50|c"]


def test_requests_have_the_names_that_gunicorn_gives_them() -> None:
    told = lines(Moment(with_status(200, 5)), Moment(with_status(200, 12)))
    assert {"requests:7|c", "request.status.200:7|c"} <= set(told)


def test_gauges_are_told_as_they_are_also_when_they_have_not_changed() -> None:
    moment = Moment(numbers(threads=4, requests_begun=9, requests=7), workers=2, ready=1)
    told = lines(moment, moment)
    assert {"workers:2|g", "workers_ready:1|g", "threads:4|g", "threads_busy:2|g"} <= set(told)


def test_messages_of_workers_and_supervisor_and_restarts_are_added_up() -> None:
    before = Moment(numbers(log_warnings=1), restarts={"died": 1}, logged={"warning": 2})
    now = Moment(numbers(log_warnings=2), restarts={"died": 1, "reload": 4}, logged={"warning": 4})
    told = lines(before, now)
    assert {"log.warning:3|c", "worker_restarts.reload:4|c"} <= set(told)
    assert not any(line.startswith(("log.error", "worker_restarts.died")) for line in told)


@pytest.mark.parametrize("total", [1, 7, 100, 101, 12_345])
def test_samples_stand_for_exactly_as_many_requests_as_there_were(total: int) -> None:
    chosen = samples([total, *[0] * len(DURATION_BOUNDS)])
    assert len(chosen) <= 100
    assert sum(1 / rate for _, rate in chosen) == pytest.approx(total)


def test_samples_have_the_percentiles_of_the_histogram() -> None:
    counts = [0] * (len(DURATION_BOUNDS) + 1)
    counts[0], counts[7], counts[-1] = 900, 90, 10  # up to 0.5 ms, 50 to 100 ms, above 60 s
    durations = [duration for duration, _ in samples(counts)]
    assert durations == sorted(durations)
    assert sum(duration <= 0.5 for duration in durations) == 90
    assert sum(50 < duration <= 100 for duration in durations) == 9
    assert durations[-1] == 60_000


def test_nothing_happened_and_nothing_is_sampled() -> None:
    assert samples([0] * (len(DURATION_BOUNDS) + 1)) == []


def test_lines_get_prefix_and_tags_and_share_datagrams_that_no_network_cuts() -> None:
    told = [f"name_{number}:{number}|c" for number in range(200)]
    made = datagrams(told, "shop.gunicorn", "env:live")
    assert all(len(datagram) <= DATAGRAM_BYTES for datagram in made)
    assert 1 < len(made) < 10
    whole = b"\n".join(made).decode().splitlines()
    assert whole == [f"shop.gunicorn.{line}|#env:live" for line in told]


def test_a_unix_socket_gets_few_large_datagrams() -> None:
    told = [f"name_{number}:{number}|c" for number in range(200)]
    assert len(datagrams(told, "shop", "", UNIX_DATAGRAM_BYTES)) == 1


def test_without_a_prefix_names_have_no_dot_before_them() -> None:
    assert datagrams(["workers:1|g"], "", "") == [b"workers:1|g"]


def test_every_statistic_is_made_from_a_counter_that_exists() -> None:
    single = {counter.name for counter in COUNTERS if counter.width == 1}
    rows = {counter.name: counter.width for counter in COUNTERS}
    assert {*COUNTS.values(), *GAUGES.values()} <= single
    assert {f"log_{level}s" for level in LOGS.values()} <= single
    assert set(LOGS.values()) <= set(LEVELS)
    assert {rows[row] for row in TIMERS.values()} == {len(DURATION_BOUNDS) + 1}
    assert rows["statuses"] == STATUSES


def test_the_guide_names_every_statistic() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    missing = [name for name in (*COUNTS, *GAUGES, *LOGS, *TIMERS) if f"`{name}`" not in guide]
    assert not missing, f"tell of them in docs/guides/monitoring.md: {missing}"
