"""`trivet upgrade`: replace a running server by a new one, of what is installed now."""

from __future__ import annotations

from trivet.cli.output import complain, show
from trivet.cli.running_server import read_arguments
from trivet.cli.settings import to_json


def run(arguments: list[str]) -> int:
    """Return when the new server has taken over; the exit code.

    Raises the error that keeps the old server running, with the exit code of its family.
    """
    request = read_arguments("upgrade", arguments)
    client = request.connect()
    pid = client.ask("upgrade", when_it_takes_long=_tell_of_the_wait)["pid"]
    client.close()
    told = f"upgraded; the new server has pid {pid}"
    show(to_json({"upgraded": True, "pid": pid}) if request.as_json else told)
    return 0


def _tell_of_the_wait() -> None:
    complain(
        "trivet: the new server is not ready yet, and the old one serves; the log tells of workers "
        "that do not load. Ctrl-C ends this wait, and not the upgrade"
    )
