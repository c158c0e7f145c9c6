"""trivet.app.hooks: what a hook is called with."""

from trivet.app.hooks import HookCall
from trivet.settings.table import Settings


def test_a_call_that_is_printed_says_what_its_moment_has() -> None:
    call = HookCall("child_exit", Settings(), 7, worker=1, worker_pid=9, cause="it was killed")
    assert (
        repr(call)
        == "<call of child_exit: server_pid=7, worker=1, worker_pid=9, cause='it was killed'>"
    )
    assert repr(HookCall("when_ready", Settings(), 7)) == "<call of when_ready: server_pid=7>"
