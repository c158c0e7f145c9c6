"""Peers side by side in one scenario."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.interleave import Contestant, Measured, interleave
from benchmarks.peers import Peer
from benchmarks.scenarios import Scenario


def compare(
    scenario: Scenario, peers: Sequence[Peer], *, rounds: int, seconds: float, pin: bool
) -> Measured:
    """Measure each peer `rounds` times for `seconds` in turn; see interleave().

    A peer with canned answers takes part only where these are the scenario's.
    """
    contestants = [
        Contestant(peer.name, peer, scenario)
        for peer in peers
        if scenario.canned or not peer.canned
    ]
    return interleave(contestants, rounds=rounds, seconds=seconds, pin=pin)
