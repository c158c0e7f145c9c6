"""trivet.cli.settings: `trivet settings` as a user sees it."""

import json
import os
from pathlib import Path

import pytest

from trivet.cli.main import main
from trivet.settings.table import SPECS

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, and an environment that says nothing about settings."""
    monkeypatch.chdir(tmp_path)
    for variable in os.environ:
        if variable.startswith("TRIVET_") or variable in ("PORT", "WEB_CONCURRENCY"):
            monkeypatch.delenv(variable)
    return tmp_path


def output(capsys: Capture, *arguments: str) -> str:
    assert main(["settings", *arguments]) == 0
    return capsys.readouterr().out


def flattened(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_every_setting_is_shown_with_its_source(capsys: Capture) -> None:
    lines = flattened(output(capsys))
    for name, spec in SPECS.items():
        assert f"{name} = {spec.show(spec.default)} (default)" in lines


def test_a_value_is_shown_with_where_it_came_from(project: Path, capsys: Capture) -> None:
    (project / "trivet.toml").write_text("workers = 2\n")
    lines = flattened(output(capsys, "-w", "4"))
    assert "workers = 4 (from --workers; trivet.toml says 2)" in lines


def test_an_application_may_be_named(capsys: Capture) -> None:
    assert "app = shop:app (from the command line)" in flattened(output(capsys, "shop:app"))


def test_notes_are_shown(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PORT", "5000")
    lines = flattened(output(capsys, "-b", "unix:x"))
    assert "note: PORT=5000 is not used: --bind says where to listen" in lines


def test_diff_shows_only_what_differs(project: Path, capsys: Capture) -> None:
    (project / "trivet.toml").write_text("keep_alive = '9s'\n[dev]\nport = 3000\n")
    assert flattened(output(capsys, "--diff", "dev", "serve")) == [
        "dev serve",
        "port 3000 (from trivet.toml [dev]) 8000 (default)",
        "workers 1 (default of dev) auto (default)",
        "reload on (default of dev) off (default)",
        "refresh on (default of dev) off (default)",
    ]


def test_diff_of_what_does_not_differ_says_so(capsys: Capture) -> None:
    out = output(capsys, "--diff", "script", "serve", "--workers", "3")
    assert out == "script and serve have the same settings\n"


def test_diff_with_a_wrong_word_is_told_what_there_is(capsys: Capture) -> None:
    assert main(["settings", "--diff", "dev", "server"]) == 2
    assert capsys.readouterr().err == (
        "trivet: --diff compares two ways to run, and server is none\nhint: did you mean serve?\n"
    )


def test_json_has_value_and_source(capsys: Capture) -> None:
    data = json.loads(output(capsys, "--json", "--keep-alive", "5s"))
    assert data["settings"]["keep_alive"]["value"] == 5.0
    assert data["settings"]["keep_alive"]["from"] == "--keep-alive"


def test_json_of_a_difference_has_both_sides(capsys: Capture) -> None:
    data = json.loads(output(capsys, "--json", "--diff", "dev", "serve"))
    assert {mode: entry["value"] for mode, entry in data["workers"].items()} == {
        "dev": 1,
        "serve": "auto",
    }


def test_a_wrong_setting_ends_with_2(project: Path, capsys: Capture) -> None:
    (project / "trivet.toml").write_text("workers = 0\n")
    assert main(["settings"]) == 2
    assert capsys.readouterr().err.startswith("trivet: trivet.toml: workers is 0, expected")
