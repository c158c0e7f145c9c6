"""trivet.dev.slots: how long an import may take before it is told as one that hangs."""

from trivet.dev.slots import FIRST_HANG_SECONDS, HANG_SECONDS, HANG_TIMES, Patience


def test_patience_grows_with_what_took_long_and_went_well() -> None:
    patience = Patience()
    assert patience.hang_seconds() == FIRST_HANG_SECONDS
    patience.has_loaded(0.1)
    assert patience.hang_seconds() == HANG_SECONDS
    patience.has_loaded(20.0)
    assert patience.hang_seconds() == 20.0 * HANG_TIMES


def test_what_a_debugger_holds_hangs_never() -> None:
    patience = Patience(debugged=True)
    patience.has_loaded(0.1)
    assert patience.hang_seconds() > 3600
