"""Where `trivet dev` does not start, and where it has no console."""

from pathlib import Path

import pytest

from tests.unit.dev.pages import TOKEN, dev_session
from trivet.dev.console_policy import (
    console_link,
    console_policy,
    refuse_in_production,
)
from trivet.dev.production_signs import PRODUCTION_SIGNS, production_sign
from trivet.errors import DebugInProduction


@pytest.mark.parametrize("sign", PRODUCTION_SIGNS, ids=lambda sign: sign.variable)
def test_each_sign_refuses_and_is_named(sign: object) -> None:
    assert isinstance(sign, tuple)
    variable, platform, values = sign
    environ = {variable: values[0] if values else "x"}
    with pytest.raises(DebugInProduction, match=variable) as refused:
        refuse_in_production(environ)
    assert refused.value.hint is not None
    assert "trivet serve" in refused.value.hint
    allowed, reason = console_policy(wanted=True, lan=False, environ=environ)
    assert not allowed
    assert platform in reason


@pytest.mark.parametrize(
    "environ",
    [{}, {"FLASK_ENV": "development"}, {"DYNO": ""}, {"ENVIRONMENT": "test"}, {"PATH": "/bin"}],
)
def test_a_developers_machine_shows_none(environ: dict[str, str]) -> None:
    assert production_sign(environ) is None
    assert console_policy(wanted=True, lan=False, environ=environ) == (True, "")


def test_the_network_and_a_switch_have_no_console() -> None:
    assert "--lan" in console_policy(wanted=True, lan=True, environ={})[1]
    assert "--no-console" in console_policy(wanted=False, lan=False, environ={})[1]


def test_the_link_carries_the_token_and_is_not_told_without_a_console(tmp_path: Path) -> None:
    link = console_link(dev_session(tmp_path))
    assert link == f"http://127.0.0.1:8000/-/trivet/open?token={TOKEN}"
    assert console_link(dev_session(tmp_path, console=False)) == ""
