"""Values of access log formats have the names that the engine knows."""

from trivet.settings.access_log_format import VALUES


def test_the_engine_knows_every_value() -> None:
    from trivet import _engine

    assert list(VALUES) == _engine.LOG_VALUES, (
        "VALUES in python/trivet/settings/access_log_format.py and in "
        "crates/trivet-server/src/access_log/pattern.rs must have the same names in the same "
        f"order; differing: {sorted(set(VALUES) ^ set(_engine.LOG_VALUES))}"
    )
