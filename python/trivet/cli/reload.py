"""`trivet reload`: replace the workers of a running server by ones with the code of now."""

from __future__ import annotations

from trivet.cli.output import complain, show
from trivet.cli.running_server import read_arguments
from trivet.cli.settings import to_json


def run(arguments: list[str]) -> int:
    """Return when every worker runs the new code; the exit code.

    Raises the error that keeps the old workers running, with the exit code of its family: a script
    that deploys can go by it.
    """
    request = read_arguments("reload", arguments)
    client = request.connect()
    workers = client.ask("reload", when_it_takes_long=_tell_of_the_wait)["workers"]
    client.close()
    told = f"reloaded; workers with the new code: {workers}"
    show(to_json({"reloaded": True, "workers": workers}) if request.as_json else told)
    return 0


def _tell_of_the_wait() -> None:
    complain(
        "trivet: the new workers are not ready yet, and the old ones serve; the server's log tells "
        "of workers that do not load. Ctrl-C ends this wait, and not the reload"
    )
