"""trivet.settings.complaints: the sentences about a setting that cannot be read."""

from dataclasses import replace

from trivet.settings.complaints import invalid
from trivet.settings.table import SPECS


def complaint_about(value: object, place: str = "") -> str:
    return str(invalid(SPECS["host"], "--host", value, ValueError("expected better"), place))


def test_a_value_with_a_space_in_it_is_quoted() -> None:
    assert complaint_about("a b") == '--host is "a b", expected better'


def test_text_in_a_file_is_quoted() -> None:
    assert complaint_about("a", "trivet.toml") == 'trivet.toml: --host is "a", expected better'


def test_a_value_cannot_steer_the_terminal() -> None:
    assert complaint_about("\x1b[31m") == "--host is \\x1b[31m, expected better"


def test_a_boolean_is_spelled_as_in_toml() -> None:
    assert complaint_about(True, "trivet.toml") == "trivet.toml: --host is true, expected better"


def test_a_secret_value_is_not_told() -> None:
    secret = replace(SPECS["host"], secret=True)
    error = invalid(secret, "--host", "hush hush", ValueError("not hush hush"))
    assert "hush" not in str(error)
