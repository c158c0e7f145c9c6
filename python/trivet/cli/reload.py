"""`trivet reload`: replace the workers of a running server by ones with the code of now."""

from __future__ import annotations

from trivet.cli.output import show
from trivet.cli.running_server import read_arguments
from trivet.cli.settings import to_json


def run(arguments: list[str]) -> int:
    """Return when every worker runs the new code; the exit code.

    Raises the error that keeps the old workers running, with the exit code of its family: a script
    that deploys can go by it.
    """
    request = read_arguments("reload", arguments)
    client = request.connect()
    workers = client.ask("reload", patient=True)["workers"]
    client.close()
    told = f"reloaded; workers with the new code: {workers}"
    show(to_json({"reloaded": True, "workers": workers}) if request.as_json else told)
    return 0
