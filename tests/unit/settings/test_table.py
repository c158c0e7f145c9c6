"""trivet.settings.table: the table is consistent with itself."""

from typing import Any, get_args, get_type_hints

import pytest

from trivet.settings import table
from trivet.settings.addresses import Address
from trivet.settings.table import FILE_TABLES, GROUPS, MODES, SPECS, Settings, Spec


def types_of(name: str) -> tuple[Any, ...]:
    """The types that the annotation of a setting allows; "auto" stands for itself."""
    # The annotations are evaluated here only, so the names that only type checkers need are given.
    from typing import Literal

    hint = get_type_hints(Settings, {**vars(table), "Literal": Literal})[name]
    return get_args(hint) or (hint,)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_default_is_a_value_that_its_kind_accepts(spec: Spec) -> None:
    for mode in MODES:
        assert spec.kind.accepts(spec.default_in(mode))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_annotation_is_what_its_kind_makes(spec: Spec) -> None:
    first, *rest = types_of(spec.name)
    assert spec.kind.type is (tuple if rest == [...] else first)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_default_that_is_shown_is_read_as_itself(spec: Spec) -> None:
    assert spec.kind.from_text(spec.kind.show(spec.default).replace('""', "")) == spec.default


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_setting_has_a_known_group_and_help_that_is_a_sentence(spec: Spec) -> None:
    assert spec.group in GROUPS
    assert spec.help.endswith(".")


def test_every_group_has_settings() -> None:
    assert set(GROUPS) == {spec.group for spec in SPECS.values()}


def test_all_that_looks_at_a_server_from_outside_has_one_heading() -> None:
    names = ("control", "metrics", "traces", "statsd", "statsd_prefix", "statsd_tags")
    assert {SPECS[name].group for name in names} == {"Monitoring and control"}


def test_no_flag_stands_for_two_settings() -> None:
    flags = [
        flag for spec in SPECS.values() for flag in (spec.flag, spec.negative_flag, spec.short)
    ]
    given = [flag for flag in flags if flag is not None]
    assert len(given) == len(set(given))


def test_a_setting_does_not_share_its_name_with_a_table_of_the_file() -> None:
    assert not set(SPECS) & set(FILE_TABLES)


def test_every_mode_reads_one_table_of_the_file() -> None:
    assert sorted(mode for modes in FILE_TABLES.values() for mode in modes) == sorted(MODES)


def test_the_spellings_of_a_name_follow_from_it() -> None:
    spec = SPECS["keep_alive"]
    assert (spec.flag, spec.variable) == ("--keep-alive", "TRIVET_KEEP_ALIVE")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().workers = 3  # type: ignore[misc]  # that it is refused is what is tested


def test_addresses_are_host_and_port_without_bind() -> None:
    assert Settings(host="::1", port=80).addresses == (Address("::1", 80),)


def test_addresses_are_bind_when_it_is_given() -> None:
    assert Settings(bind=(Address(path="/x"),)).addresses == (Address(path="/x"),)


def test_a_secret_is_never_shown() -> None:
    from dataclasses import replace

    secret = replace(SPECS["server_header"], secret=True)
    assert secret.show("hush") == "(secret)"
