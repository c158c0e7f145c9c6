"""trivet.cli.help: the help of a command, made from the table."""

import pytest

from trivet.cli.flags import OwnFlag
from trivet.cli.help import render_help
from trivet.settings.table import GROUPS, SPECS


def flattened(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if not spec.positional])
def test_every_setting_is_in_the_help_with_default_and_variable(name: str) -> None:
    spec = SPECS[name]
    mode = spec.only_in or "serve"
    text = flattened(render_help(mode, mode, []))
    assert spec.flag in text
    assert f"[default: {spec.show(spec.default_in(mode))}; {spec.variable}" in text


def test_the_help_has_the_groups_in_their_order() -> None:
    shown: set[str] = set()
    for command in ("serve", "dev"):
        text = render_help(command, command, [])
        groups = [group for group in GROUPS if f"\n{group}:\n" in text]
        places = [text.index(f"\n{group}:\n") for group in groups]
        assert places == sorted(places)
        shown.update(groups)
    assert shown == set(GROUPS)


def test_the_help_of_a_command_leaves_out_what_is_for_another_one_only() -> None:
    assert "--reload-grace" in render_help("dev", "dev", [])
    assert "--reload-grace" not in render_help("serve", "serve", [])


def test_the_help_shows_the_defaults_of_the_mode() -> None:
    assert "[default: 1; TRIVET_WORKERS" in flattened(render_help("serve", "dev", []))


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_the_help_is_wrapped_to_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long_lines = [
        line for line in render_help("serve", "serve", []).splitlines() if len(line) > columns
    ]
    # Only what cannot be broken may be longer: a flag with its values, a variable's name.
    assert [line for line in long_lines if " " in line.strip() and "--" not in line] == []


def test_flags_of_the_command_alone_are_in_the_usage_line() -> None:
    text = render_help("settings", "serve", [OwnFlag("--diff", "Compare.", ("MODE", "MODE"))])
    assert text.startswith("Usage: trivet settings [APP] [--diff MODE MODE] [flags]\n")
