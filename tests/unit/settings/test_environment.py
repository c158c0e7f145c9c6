"""trivet.settings.environment: TRIVET_ variables, PORT and WEB_CONCURRENCY."""

import pytest

from trivet.errors import InvalidSetting, UnknownSetting
from trivet.settings.environment import read
from trivet.settings.sources import Given, Layer


def test_a_variable_gives_its_setting() -> None:
    given, _ = read({"TRIVET_WORKERS": "4"})
    assert given == [("workers", Given(4, "TRIVET_WORKERS", Layer.ENVIRONMENT))]


def test_variables_of_others_are_nothing_to_us() -> None:
    assert read({"HOME": "/root", "FLASK_APP": "shop", "TRIVETX": "1"}) == ([], [])


@pytest.mark.parametrize(("variable", "name"), [("PORT", "port"), ("WEB_CONCURRENCY", "workers")])
def test_variables_of_platforms_are_read(variable: str, name: str) -> None:
    given, _ = read({variable: "3"})
    assert given == [(name, Given(3, variable, Layer.PLATFORM))]


def test_an_unknown_variable_is_an_error_that_suggests_the_nearest() -> None:
    with pytest.raises(UnknownSetting) as caught:
        read({"TRIVET_WORKER": "4"})
    assert str(caught.value) == "no setting has the variable TRIVET_WORKER"
    assert caught.value.hint == "did you mean TRIVET_WORKERS?"


def test_a_wrong_value_is_an_error_that_names_the_variable() -> None:
    with pytest.raises(InvalidSetting) as caught:
        read({"TRIVET_KEEP_ALIVE": "5"})
    assert str(caught.value) == (
        "TRIVET_KEEP_ALIVE is 5, expected a duration with its unit, such as 5s or 250ms"
    )
    assert caught.value.hint == "did you mean 5s?"


def test_an_empty_variable_is_not_set() -> None:
    assert read({"TRIVET_WORKERS": "", "PORT": ""}) == ([], [])


def test_an_empty_variable_is_a_value_where_empty_means_something() -> None:
    given, _ = read({"TRIVET_SERVER_HEADER": ""})
    assert given == [("server_header", Given("", "TRIVET_SERVER_HEADER", Layer.ENVIRONMENT))]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRIVET_SERVICE_HOST", "10.0.0.11"),
        ("TRIVET_SERVICE_PORT", "80"),
        ("TRIVET_SERVICE_PORT_HTTP", "80"),
        ("TRIVET_PORT", "tcp://10.0.0.11:80"),
        ("TRIVET_PORT_80_TCP", "tcp://10.0.0.11:80"),
        ("TRIVET_PORT_80_TCP_PROTO", "tcp"),
        ("TRIVET_PORT_80_TCP_PORT", "80"),
        ("TRIVET_PORT_80_TCP_ADDR", "10.0.0.11"),
        ("TRIVET_WEB_SERVICE_HOST", "10.0.0.11"),
        ("TRIVET_WEB_PORT", "udp://10.0.0.11:80"),
    ],
)
def test_what_kubernetes_sets_for_a_service_named_trivet_is_passed_over(
    variable: str, value: str
) -> None:
    given, notes = read({variable: value})
    assert given == []
    assert notes[0].startswith(f"{variable} is passed over")
