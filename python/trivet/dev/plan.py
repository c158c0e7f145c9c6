"""What the processes of one `trivet dev` need to begin: values that are made before the fork."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from trivet.dev.script import Script
    from trivet.dev.session import DevSession
    from trivet.project.find_app import AppChoice
    from trivet.settings.table import Settings


@dataclass(frozen=True, kw_only=True)
class DevPlan:
    """The same for all workers of a session."""

    settings: Settings
    session: DevSession
    choice: AppChoice
    #: The program to run in the place of importing the choice, for serve(app, dev=True).
    script: Script | None = None
    listeners: Sequence[socket.socket]
    #: Variables that are set in workers, before the app is imported.
    environment: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Order:
    """One worker to be made. JSON can carry it, for the warm parent."""

    #: Rises with each reload.
    generation: int
    #: How often files have changed in this start that need no new code.
    changes: int = 0
    #: Its place among the workers.
    slot: int
    #: When an import that has not come to its end is taken for an endless one.
    patience_seconds: float
    #: What a stand-in tells, in the place of an app that cannot be loaded: the fields of
    #: LoadFailure. None for a worker that loads the app.
    failure: dict[str, str] | None = None
