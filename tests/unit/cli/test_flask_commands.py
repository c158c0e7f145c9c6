"""`flask serve` hands over what Flask's own CLI was told."""

import os
import subprocess
import sys
from pathlib import Path

import click
import flask
import pytest
from click.testing import CliRunner
from flask.cli import FlaskGroup, ScriptInfo

from trivet.cli import flask_commands, main
from trivet.cli.flask_commands import target_of


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments that `trivet` was called with; FLASK_… of the environment is put back."""
    calls: list[list[str]] = []

    def record(arguments: list[str]) -> int:
        assert "FLASK_RUN_FROM_CLI" not in os.environ
        calls.append(arguments)
        return 0

    for name in ("FLASK_RUN_FROM_CLI", "FLASK_APP", "FLASK_DEBUG"):
        monkeypatch.setenv(name, "")  # so that monkeypatch undoes what Flask sets
        monkeypatch.delenv(name)
    monkeypatch.setattr(main, "main", record)
    return calls


def flask_command(*arguments: str, **environ: str) -> int:
    """Run the `flask` command as it is with Trivet installed; returns the exit code."""
    group = FlaskGroup(load_dotenv=False)
    group.add_command(flask_commands.serve)
    result = CliRunner().invoke(group, list(arguments), env=environ)
    return result.exit_code


def test_the_app_option_becomes_app(handed_over: list[list[str]]) -> None:
    assert flask_command("--app", "shop:create_app('eu')", "serve") == 0
    assert handed_over == [["serve", "shop:create_app('eu')"]]


def test_flask_app_becomes_app(handed_over: list[list[str]]) -> None:
    flask_command("serve", FLASK_APP="shop")
    assert handed_over == [["serve", "shop"]]


def test_without_either_trivet_looks_for_the_app(handed_over: list[list[str]]) -> None:
    flask_command("serve")
    assert handed_over == [["serve"]]


def test_every_flag_is_handed_on(handed_over: list[list[str]]) -> None:
    flask_command("--app", "shop", "serve", "-w", "2", "--bind", "127.0.0.1:0", "--help")
    assert handed_over == [["serve", "shop", "-w", "2", "--bind", "127.0.0.1:0", "--help"]]


def test_the_exit_code_is_trivets(
    handed_over: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "main", lambda arguments: 3)
    assert flask_command("serve") == 3


def test_the_app_is_not_loaded_by_flask(handed_over: list[list[str]]) -> None:
    assert flask_command("--app", "no_such_module_anywhere", "serve") == 0


def test_debug_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import flask\napp = flask.Flask('shop')\n")
    program = (
        "from flask.cli import FlaskGroup; from trivet.cli.flask_commands import serve;"
        "group = FlaskGroup(); group.add_command(serve); group.main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "--app", "shop", "--debug", "serve"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 3
    assert "FLASK_DEBUG is '1'" in result.stderr
    assert "`flask --debug` sets it" in result.stderr
    assert "Traceback" not in result.stderr


def create_app() -> flask.Flask:
    return flask.Flask("shop")


def test_a_command_of_the_projects_own_names_its_factory() -> None:
    assert target_of(ScriptInfo(create_app=create_app)) == f"{__name__}:create_app()"


def test_a_factory_that_has_no_name_is_refused() -> None:
    with pytest.raises(click.UsageError, match="cannot import by name"):
        target_of(ScriptInfo(create_app=lambda: flask.Flask("shop")))


def test_the_command_is_registered_for_flask() -> None:
    pyproject = Path(__file__).parents[3] / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    assert (
        '[project.entry-points."flask.commands"]\nserve = "trivet.cli.flask_commands:serve"' in text
    )


def test_loading_the_command_loads_nothing_else_of_trivet() -> None:
    program = (
        "import sys; import trivet.cli.flask_commands;"
        "print(sorted(m for m in sys.modules if m.startswith('trivet.')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "['trivet.cli', 'trivet.cli.flask_commands']"
