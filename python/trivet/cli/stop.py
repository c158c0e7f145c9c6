"""`trivet stop`: stop a running server gracefully, and return when it has ended."""

from __future__ import annotations

from trivet.cli.output import show
from trivet.cli.running_server import read_arguments
from trivet.cli.settings import to_json


def run(arguments: list[str]) -> int:
    """Return when no process of the server's supervisor is left; the exit code."""
    request = read_arguments("stop", arguments)
    client = request.connect()
    pid = client.ask("ps")["server"]["pid"]
    client.ask("stop")
    client.wait_for_the_end()
    client.close()
    show(to_json({"stopped": True, "pid": pid}) if request.as_json else f"stopped (pid {pid})")
    return 0
