"""Read the stacks that faulthandler wrote in a worker that is stuck; nothing is done about it.

Its form: a line `Thread 0x… (most recent call first):` for each thread, with the innermost frame
first below it, `  File "…", line 7 in name`, and an empty line between two threads.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Importing typing costs some milliseconds of every start; only type checkers need it here.
    from collections.abc import Mapping

#: Where no line is known, as after a file that was too long.
NOWHERE = "an unknown place"


def stacks_with_culprit_first(data: Mapping[str, object]) -> str:
    """The stacks in a message of kind `stuck`, the thread of the late request first."""
    stacks = str(data.get("stacks") or "")
    thread = f"Thread {data.get('thread')}"
    parts = [part for part in stacks.split("\n\n") if part.strip()]
    parts.sort(key=lambda part: thread not in part.partition("\n")[0])
    return "\n\n".join(part.strip("\n") for part in parts)


def place_in(stacks: str) -> str:
    """The innermost line of the first thread, as `file:line in name`."""
    for line in stacks.splitlines():
        file, found, rest = line.strip().removeprefix('File "').partition('", line ')
        if found:
            number, _, name = rest.partition(" in ")
            return f"{file}:{number} in {name}"
    return NOWHERE
