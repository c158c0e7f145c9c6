"""Why there is no app: what a page about it can show when no exception is at hand; values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LoadFailure:
    """What is known of a worker that died or hangs while it loads the app."""

    what: str
    detail: str = ""
    #: The stacks of its threads, as faulthandler writes them.
    stacks: str = ""
    hint: str = ""
