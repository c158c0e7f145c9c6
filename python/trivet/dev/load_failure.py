"""What is known of a worker that ended, or hangs, while it imported the app; a value only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LoadFailure:
    """Made by the supervisor. `what` is one line: "the worker was killed by SIGSEGV".

    `detail` says more in a few lines, `stacks` is faulthandler's text, `hint` what to do.
    """

    what: str
    detail: str = ""
    stacks: str = ""
    hint: str = ""
