"""The engine's configuration in Python and in Rust, and the settings that it comes from, agree."""

from dataclasses import fields

from trivet.engine.config import DERIVED_FIELDS, EngineConfig, engine_config
from trivet.settings.table import SPECS, Settings


def test_the_compiled_engine_reads_the_fields_that_python_gives() -> None:
    from trivet import _engine

    ours = [field.name for field in fields(EngineConfig)]
    assert ours == _engine.CONFIG_FIELDS, (
        "EngineConfig in python/trivet/engine/config.py and engine_config! in "
        "crates/trivet-python/src/config.rs must list the same fields in the same order; "
        f"differing: {sorted(set(ours) ^ set(_engine.CONFIG_FIELDS))}"
    )


def test_every_setting_for_the_engine_reaches_it() -> None:
    wanted = {name for name, spec in SPECS.items() if spec.engine}
    given = {field.name for field in fields(EngineConfig)} - set(DERIVED_FIELDS)
    assert given == wanted, (
        "settings declared with engine=True and the fields of EngineConfig must be the same; "
        f"add to EngineConfig: {sorted(wanted - given)}, "
        f"declare with engine=True: {sorted(given - wanted)}"
    )


def test_settings_reach_the_engine_unchanged() -> None:
    settings = Settings(keep_alive=3.5, body_limit=7, root_path="/shop", log_format="json")
    config = engine_config(settings, multiprocess=True)
    assert (config.keep_alive, config.body_limit, config.root_path) == (3.5, 7, "/shop")
    assert config.access_log_form == "json"
    assert config.multiprocess
