"""trivet.cli.flags: a command line becomes texts under the names of settings."""

from pathlib import Path

import pytest

from trivet.cli.commands import HelpWanted
from trivet.cli.flags import OwnFlag, Parsed, parse_flags
from trivet.errors import TrivetError, UnknownSetting, UsageError


def parse(*arguments: str) -> Parsed:
    return parse_flags("serve", list(arguments), "serve")


@pytest.mark.parametrize(
    "arguments",
    [["--workers", "4"], ["--workers=4"], ["-w", "4"], ["-w4"], ["-w=4"], ["-w", "2", "-w", "4"]],
)
def test_a_setting_can_be_written_in_several_ways(arguments: list[str]) -> None:
    assert parse(*arguments).flags == {"workers": "4"}


def test_bind_can_be_given_several_times() -> None:
    assert parse("-b", ":80", "--bind=unix:x", "-b:81").flags == {"bind": [":80", "unix:x", ":81"]}


@pytest.mark.parametrize(("flag", "state"), [("--access-log", True), ("--no-access-log", False)])
def test_a_switch_has_a_flag_for_on_and_one_for_off(flag: str, state: bool) -> None:
    assert parse(flag).flags == {"access_log": state}


@pytest.mark.parametrize("flag", ["--config", "-c"])
def test_the_file_of_settings_is_a_path(flag: str) -> None:
    assert parse(flag, "other.toml").config_file == Path("other.toml")


@pytest.mark.parametrize(
    "arguments",
    [["shop:app", "-w", "4"], ["-w", "4", "shop:app"], ["-w", "4", "--", "shop:app"]],
)
def test_the_application_may_stand_anywhere(arguments: list[str]) -> None:
    parsed = parse(*arguments)
    assert (parsed.app, parsed.flags) == ("shop:app", {"app": "shop:app", "workers": "4"})


def test_after_two_dashes_nothing_is_a_flag() -> None:
    assert parse("--", "-w").app == "-w"


def test_without_arguments_nothing_is_given() -> None:
    parsed = parse()
    assert (parsed.app, parsed.flags, parsed.config_file, parsed.own) == ("", {}, None, {})


def test_a_value_may_be_empty() -> None:
    assert parse("--server-header=").flags == {"server_header": ""}


def test_a_negative_number_is_a_value_and_left_to_be_judged() -> None:
    assert parse("--port", "-1").flags == {"port": "-1"}


@pytest.mark.parametrize(
    ("arguments", "error_class", "what", "hint"),
    [
        (
            ["--wrokers", "4"],
            UnknownSetting,
            "trivet serve has no flag --wrokers",
            "did you mean --workers?",
        ),
        (
            ["--keep_alive", "4s"],
            UnknownSetting,
            "trivet serve has no flag --keep_alive",
            "did you mean --keep-alive?",
        ),
        (
            ["--deamon"],
            UnknownSetting,
            "trivet serve has no flag --deamon",
            "did you mean --daemon?",
        ),
        (
            ["--zzzzz"],
            UnknownSetting,
            "trivet serve has no flag --zzzzz",
            "`trivet serve --help` lists them all",
        ),
        (
            ["-z"],
            UnknownSetting,
            "trivet serve has no flag -z",
            "`trivet serve --help` lists them all",
        ),
        (
            ["--spew"],
            UnknownSetting,
            "--spew is a flag of gunicorn, not of Trivet",
            "leave it out: use a debugger or a profiler",
        ),
        (
            ["-k", "gevent"],
            UnknownSetting,
            "-k is a flag of gunicorn, not of Trivet",
            "leave it out: Trivet has one kind of worker, which makes threads as needed",
        ),
        (["--workers"], UsageError, "--workers needs a value", "such as --workers auto"),
        (
            ["--workers", "--port", "80"],
            UsageError,
            "--workers needs a value",
            "such as --workers auto",
        ),
        (["--bind", "-w4"], UsageError, "--bind needs a value", "such as --bind ADDRESS"),
        (
            ["--access-log=off"],
            UsageError,
            "--access-log takes no value, but was given off",
            "it is --access-log or --no-access-log",
        ),
        (
            ["shop", "blog"],
            UsageError,
            "blog is one APP too many, after shop",
            "trivet serve takes one application; a value with spaces in it needs quotes",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_the_way_out(
    arguments: list[str], error_class: type[TrivetError], what: str, hint: str
) -> None:
    with pytest.raises(error_class) as caught:
        parse(*arguments)
    assert (str(caught.value), caught.value.hint) == (what, hint)


def test_an_abbreviation_is_not_accepted() -> None:
    with pytest.raises(UnknownSetting, match=r"no flag --work$"):
        parse("--work", "4")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["shop:app", "--wrokers", "--help"]])
def test_help_is_given_wherever_it_is_asked_for(arguments: list[str]) -> None:
    with pytest.raises(HelpWanted, match="Usage: trivet serve"):
        parse(*arguments)


def test_a_flag_of_the_command_alone_takes_its_values() -> None:
    own = [OwnFlag("--diff", "compare", ("MODE", "MODE")), OwnFlag("--json", "JSON")]
    parsed = parse_flags("settings", ["--diff", "dev", "serve", "--json", "shop"], "serve", own)
    assert (parsed.own, parsed.app) == ({"--diff": ["dev", "serve"], "--json": []}, "shop")


def test_a_flag_of_the_command_alone_needs_all_its_values() -> None:
    own = [OwnFlag("--diff", "compare", ("MODE", "MODE"))]
    with pytest.raises(UsageError) as caught:
        parse_flags("settings", ["--diff", "dev"], "serve", own)
    assert caught.value.hint == "such as --diff MODE MODE"


def test_a_flag_of_another_command_is_an_error_that_says_so() -> None:
    with pytest.raises(UnknownSetting) as caught:
        parse("--reload")
    assert caught.value.hint == "it is a flag of trivet dev"
    assert parse_flags("dev", ["--no-reload"], "dev").flags == {"reload": False}
