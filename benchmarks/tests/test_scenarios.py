"""The tables agree: apps answer as their scenario says, peers name things that exist."""

import importlib.util
import sys
from pathlib import Path

import pytest

from benchmarks.environments import HERE
from benchmarks.in_process import call, environ_of
from benchmarks.peers import DEFAULT_PEERS, PEERS
from benchmarks.scenarios import SCENARIOS, Scenario, request_bytes


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_each_app_answers_with_the_expected_body(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = HERE / "apps" / f"{scenario.app}.py"
    specification = importlib.util.spec_from_file_location(f"bench_{scenario.app}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Flask looks for templates beside the module that this names.
    monkeypatch.setitem(sys.modules, specification.name, module)
    specification.loader.exec_module(module)
    assert call(module.app, environ_of(scenario)) == scenario.expected_body


def test_a_request_with_a_body_says_how_long_it_is() -> None:
    request = request_bytes(SCENARIOS["echo-1k"])
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"POST / HTTP/1.1" in head
    assert b"Content-Length: 1024" in head
    assert len(body) == 1024


def test_the_peers_that_are_compared_by_default_exist() -> None:
    assert set(DEFAULT_PEERS) <= PEERS.keys()


def test_every_pin_is_exact() -> None:
    for peer in PEERS.values():
        assert all("==" in requirement for requirement in peer.requirements), peer.name


def test_every_launcher_exists() -> None:
    for peer in PEERS.values():
        for word in peer.command:
            if word.startswith("{launchers}"):
                assert Path(word.format(launchers=HERE / "launchers")).exists(), peer.name
