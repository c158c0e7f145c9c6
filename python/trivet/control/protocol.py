"""What is said over the control socket: a request is one line of JSON, an answer one or more.

    → {"command": "scale", "workers": 4}
    ← {"progress": "…"}                       any number of these
    ← {"ok": true, …}                         and one of these two at the end
    ← {"ok": false, "error": "invalid-setting", "what": "…", "hint": "…", "details": "…"}

After the last line the next request may come on the same connection. No socket is touched here.
"""

from __future__ import annotations

import json

from trivet.errors import TrivetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Every command: its fields with their types, and what the answer holds.
COMMANDS: Mapping[str, tuple[Mapping[str, type], str]] = {
    "ps": ({}, "`server` (an object) and `workers` (a list of objects)"),
    "stacks": (
        {},
        "`workers`: for each the stacks of its threads, or null when it does not answer",
    ),
    "reload": ({}, "`workers`; comes when all of them run the new code, or says why they do not"),
    "upgrade": ({}, "`pid` of the new server; comes when it serves, or says why it does not"),
    "scale": (
        {"workers": int},
        "`before` and `workers`; comes when the number has been taken over",
    ),
    "stop": ({}, "nothing; comes at once, and the connection ends with the server"),
}

#: A request is short; who sends more is no client of ours.
LONGEST_REQUEST_BYTES = 4096


class BadRequest(ValueError):
    """The line is no request; the text says why."""


def read_request(line: bytes) -> dict[str, object]:
    """The request in a line. Raises BadRequest."""
    try:
        request = json.loads(line)
    except ValueError:
        raise BadRequest("a request is one JSON object on one line") from None
    if not isinstance(request, dict):
        raise BadRequest("a request is a JSON object")
    command = request.get("command")
    if not isinstance(command, str) or command not in COMMANDS:
        raise BadRequest(f"the commands are {', '.join(COMMANDS)}")
    fields, _ = COMMANDS[command]
    for name, kind in fields.items():
        # bool is an int to Python, and "scale to true" is a mistake.
        if type(request.get(name)) is not kind:
            raise BadRequest(f"{command} needs {name}, {kind.__name__}")
    unknown = request.keys() - fields.keys() - {"command"}
    if unknown:
        raise BadRequest(f"{command} has no {', '.join(sorted(unknown))}")
    return request


def encode(data: Mapping[str, object]) -> bytes:
    """One line."""
    return json.dumps(data, default=str).encode("ascii") + b"\n"


def done(**data: object) -> dict[str, object]:
    """The last line of an answer that succeeded."""
    return {"ok": True, **data}


def failed(error: TrivetError) -> dict[str, object]:
    """The last line of an answer that did not."""
    return {
        "ok": False,
        "error": error.name,
        "what": error.what,
        "hint": error.hint or "",
        "details": error.details,
    }


def refused(what: str) -> dict[str, object]:
    """The last line for what was no request."""
    return {"ok": False, "error": "wrong-usage", "what": what, "hint": "", "details": ""}
