"""`trivet scale N`: run so many workers from now on, until the next reload or start."""

from __future__ import annotations

from trivet.cli.output import show
from trivet.cli.running_server import read_arguments, whole
from trivet.cli.settings import to_json


def run(arguments: list[str]) -> int:
    """Change the number of workers; the exit code. Raises UsageError for what is no number."""
    request = read_arguments("scale", arguments, words=("NUMBER",))
    workers = whole(request.words[0])
    client = request.connect()
    answer = client.ask("scale", workers=workers)
    client.close()
    changed = {name: answer[name] for name in ("before", "workers")}
    told = f"workers: {answer['before']} before, {answer['workers']} from now on"
    show(to_json(changed) if request.as_json else told)
    return 0
