"""From measurements of interleaved rounds to medians and ratios. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Turn:
    """What one peer did in one round of one scenario. CPU of the server alone, user and system."""

    requests: int
    seconds: float
    cpu_seconds: float
    errors: int
    p50_seconds: float
    p99_seconds: float

    @property
    def cpu_microseconds_per_request(self) -> float:
        """CPU time per request in µs."""
        return self.cpu_seconds * 1e6 / self.requests

    @property
    def requests_per_second(self) -> float:
        """Throughput while the load ran."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers, and how far apart they were."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One peer in one scenario, all rounds together.

    `ratio` is the reference's CPU per request divided by this peer's, round by round: below 1
    means that the reference needs less. None for the reference itself.
    """

    peer: str
    cpu_microseconds: Spread
    ratio: Spread | None
    requests_per_second: Spread
    p99_milliseconds: Spread
    errors: int


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum of at least one value."""
    return Spread(median(values), min(values), max(values))


def pairwise_ratios(reference: Sequence[Turn], other: Sequence[Turn]) -> list[float]:
    """The reference's CPU per request over the other's, each with its neighbour of the same round.

    The machine's speed drifts between minutes by more than servers differ; inside a round it
    hardly does.
    """
    return [
        ours.cpu_microseconds_per_request / theirs.cpu_microseconds_per_request
        for ours, theirs in zip(reference, other, strict=True)
    ]


def rows(turns: Mapping[str, Sequence[Turn]], reference: str) -> list[Row]:
    """One row per peer, in the order given; `turns` has the rounds of each peer in order."""
    return [
        Row(
            peer=peer,
            cpu_microseconds=spread([turn.cpu_microseconds_per_request for turn in of_peer]),
            ratio=spread(pairwise_ratios(turns[reference], of_peer))
            if peer != reference and reference in turns
            else None,
            requests_per_second=spread([turn.requests_per_second for turn in of_peer]),
            p99_milliseconds=spread([turn.p99_seconds * 1e3 for turn in of_peer]),
            errors=sum(turn.errors for turn in of_peer),
        )
        for peer, of_peer in turns.items()
    ]
