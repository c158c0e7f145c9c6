"""trivet.cli.main: finding the command, and how every failure looks."""

import json
import sys
from types import ModuleType

import pytest

import trivet
from trivet.cli import main as cli
from trivet.cli.commands import COMMANDS, Command
from trivet.cli.main import main
from trivet.errors import AddressInUse, TrivetBug

Capture = pytest.CaptureFixture[str]


def command_that_raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make a command `fail` whose run() raises the error."""

    def run(arguments: list[str]) -> int:
        raise error

    module = ModuleType("tests_failing_command")
    module.run = run  # type: ignore[attr-defined]  # a module made by hand has no such attribute yet
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "fail", Command(module.__name__, "Fails."))


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_the_version_is_told(word: str, capsys: Capture) -> None:
    assert main([word]) == 0
    assert capsys.readouterr().out == f"trivet {trivet.__version__}\n"


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_shows_every_command(word: str, capsys: Capture) -> None:
    assert main([word]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out and command.help in out for name, command in COMMANDS.items())


def test_without_a_command_the_help_is_shown_as_an_error(capsys: Capture) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage: trivet COMMAND" in captured.err


def test_help_with_a_command_is_the_help_of_the_command(capsys: Capture) -> None:
    assert main(["help", "settings"]) == 0
    assert capsys.readouterr().out.startswith("Usage: trivet settings")


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (["srve"], "there is no command srve", "did you mean serve?"),
        (["xyz"], "there is no command xyz", f"the commands are {', '.join(COMMANDS)}"),
        (
            ["app.py", "-w4"],
            "there is no command app.py",
            "to serve an application: trivet serve app.py -w4",
        ),
        (
            ["shop:app"],
            "there is no command shop:app",
            "to serve an application: trivet serve shop:app",
        ),
        (
            ["-w", "4"],
            "-w stands before the command",
            "flags come after it: trivet serve -w 4",
        ),
    ],
)
def test_a_word_that_is_no_command_is_told_the_way_out(
    arguments: list[str], what: str, hint: str, capsys: Capture
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"trivet: {what}\nhint: {hint}\n"


def test_an_error_on_purpose_is_text_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command_that_raises(monkeypatch, AddressInUse("port 80 is in use", hint="--port 81"))
    assert main(["fail"]) == 4
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "trivet: port 80 is in use\nhint: --port 81\n")


def test_a_program_that_asks_for_json_gets_the_error_as_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command_that_raises(monkeypatch, AddressInUse("taken", hint="stop it", details="a\nb"))
    assert main(["fail", "--json"]) == AddressInUse.exit_code
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {"name": "address-in-use", "what": "taken", "details": "a\nb", "hint": "stop it"}
    }
    assert "trivet: taken" in told.err


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), TrivetBug("no worker 3")])
def test_a_failure_of_ours_asks_for_a_report(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command_that_raises(monkeypatch, error)
    assert main(["fail"]) == 70
    assert "please report it" in capsys.readouterr().err


def test_an_unexpected_exception_shows_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command_that_raises(monkeypatch, ZeroDivisionError("no"))
    main(["fail"])
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert "trivet: this is a bug in Trivet\n" in err


def test_an_interrupt_is_told_as_shells_do(monkeypatch: pytest.MonkeyPatch) -> None:
    command_that_raises(monkeypatch, KeyboardInterrupt())
    assert main(["fail"]) == 130


def test_the_arguments_are_the_process_s_own_by_default(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "argv", ["trivet", "--version"])
    assert main() == 0
    assert "trivet" in capsys.readouterr().out


def test_the_overview_fits_a_terminal() -> None:
    assert max(map(len, cli.overview().splitlines())) <= 80
