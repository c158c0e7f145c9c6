"""trivet.cli.commands: every command of the table is there."""

from importlib import import_module

import pytest

from trivet.cli.commands import COMMANDS, Command


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_s_module_has_a_function_that_runs_it(command: Command) -> None:
    assert callable(import_module(command.module).run)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_has_help_that_is_a_sentence(command: Command) -> None:
    assert command.help.endswith(".")
