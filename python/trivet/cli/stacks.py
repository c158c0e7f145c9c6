"""`trivet stacks`: what every thread of every worker is doing, as Python frames."""

from __future__ import annotations

from trivet.cli.output import show
from trivet.cli.running_server import read_arguments, whole
from trivet.cli.settings import to_json
from trivet.control.samples import BOOTSTRAP
from trivet.errors import ServerNotFound, escape_controls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OWN_FLAGS = {
    "--worker": ("NUMBER", "Only this worker, by the number that `trivet ps` shows."),
    "--all": ("", "Show threads that wait for a request too."),
}

NO_ANSWER = (
    "  no answer: it loads, or code that does not let go of Python's lock keeps its main thread "
    "from running"
)


def run(arguments: list[str]) -> int:
    """Print the stacks; the exit code."""
    request = read_arguments("stacks", arguments, own=OWN_FLAGS)
    client = request.connect()
    workers = client.ask("stacks")["workers"]
    client.close()
    if "--worker" in request.flags:
        number = whole(request.flags["--worker"])
        workers = [worker for worker in workers if worker["worker"] == number]
        if not workers:
            raise ServerNotFound(f"there is no worker {number}", hint="`trivet ps` shows them")
    if request.as_json:
        show(to_json({"workers": workers}))
    else:
        show("\n\n".join(_told(worker, "--all" in request.flags) for worker in workers))
    return 0


def waits(thread: dict[str, Any]) -> bool:
    """Whether a thread has nothing to do."""
    return all(frame["file"].endswith(BOOTSTRAP) for frame in thread["frames"])


def _request(request: dict[str, Any] | None) -> str:
    """Which request a thread has, behind its name. Older servers do not tell."""
    if request is None:
        return ""
    asked = f"{request['method']} {request['target']}"
    over = ", timed out (its client knows)" if request.get("timed_out") else ""
    return f": {asked} for {request['seconds']:.1f} s{over}, request {request['request_id']}"


def _told(worker: dict[str, Any], everything: bool) -> str:
    lines = [f"worker {worker['worker']} (pid {worker['pid']})"]
    threads = worker["threads"]
    if threads is None:
        return "\n".join([*lines, NO_ANSWER])
    for thread in threads:
        if waits(thread) and not everything:
            continue
        lines.append(escape_controls(f"  {thread['name']}{_request(thread.get('request'))}"))
        for frame in thread["frames"]:
            if frame["file"].endswith(BOOTSTRAP):
                continue
            if frame["file"]:
                place = f'"{frame["file"]}", line {frame["line"]}, in {frame["function"]}'
                lines.append(escape_controls(f"    {place}"))
            lines.append(escape_controls(f"      {frame['text']}"))
    idle = sum(waits(thread) for thread in threads)
    if idle and not everything:
        lines.append(f"  threads that wait for a request: {idle}")
    return "\n".join(lines)
