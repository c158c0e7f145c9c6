"""`trivet stop`: stop a running server gracefully, and return when it has ended."""

from __future__ import annotations

from trivet.cli.output import show
from trivet.cli.running_server import read_arguments
from trivet.cli.settings import to_json
from trivet.errors import escape_controls


def run(arguments: list[str]) -> int:
    """Return when no process of the server's supervisor is left; the exit code."""
    request = read_arguments("stop", arguments)
    client = request.connect()
    server = client.ask("ps")["server"]
    client.ask("stop")
    client.wait_for_the_end()
    client.close()
    pid = server["pid"]
    # It may be one of another directory, where it is the only one that runs.
    told = escape_controls(f"stopped {server['app']} in {server['directory']} (pid {pid})")
    show(to_json({"stopped": True, "pid": pid}) if request.as_json else told)
    return 0
