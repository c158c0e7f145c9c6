"""What is known of code that killed or holds up the process that loads it; showing it is elsewhere.

Made by the supervisor, for the page of a stand-in and for the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass

from trivet.supervisor import restart

HINT_AFTER_A_DEATH = "mend it and save; it is loaded again then"


@dataclass(frozen=True, kw_only=True)
class LoadFailure:
    """`what` is one line: "the app was killed by SIGSEGV while it was imported".

    `detail` says more in a few lines, `stacks` is faulthandler's text, `hint` what to do.
    """

    what: str
    detail: str = ""
    stacks: str = ""
    hint: str = ""


def died_while_loading(status: int | None, stacks: str) -> LoadFailure:
    """The process ended, with this status of waitpid(), before the app was imported."""
    return LoadFailure(
        what=f"the app {restart.how_it_ended(status)} while it was imported",
        detail=restart.advice(status),
        stacks=stacks,
        hint=HINT_AFTER_A_DEATH,
    )


def died_while_serving(status: int | None, times: int) -> LoadFailure:
    """The process ended again and again, with the same code."""
    return LoadFailure(
        what=f"the app {restart.how_it_ended(status)} {times} times while it served",
        detail=restart.advice(status),
        stacks="",
        hint=HINT_AFTER_A_DEATH,
    )


def still_importing(seconds: float, stacks: str) -> LoadFailure:
    """The process has been at it for so long, and may come to an end or not."""
    return LoadFailure(
        what=f"the app is still being imported after {seconds:.1f} s",
        detail="It works or waits at the place below; when it comes to its end, the app is served.",
        stacks=stacks,
        hint="look for an endless loop, or for something that waits",
    )
