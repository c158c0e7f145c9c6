"""A view that does what the request asks for, right or wrong: the target of random tests.

The script is JSON in X-Script: `status` and `headers` for start_response, `start` for when it is
called, `write` for pieces given to write(), `kind` of what is returned, `pieces` of the body (a
number of bytes, or the name of a mishap), `close` for what close() does, `read` for whether the
body of the request is read first.
"""

import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from tests.compliance.application import journal

Environ = dict[str, Any]


class Mishap(Exception):
    """What a script raises on purpose."""


# What may stand in the place of a piece of bytes.
RAISED: Mapping[str, type[BaseException]] = {
    "raises": Mishap,
    "exits": SystemExit,
    "interrupts": KeyboardInterrupt,
    "runs out of memory": MemoryError,
}
WRONG_PIECES: Mapping[str, object] = {"text": "text", "nothing": None, "a number": 7, "a list": []}
# What wsgi.file_wrapper gets.
FILES: Mapping[str, Callable[[], IO[bytes]]] = {
    "file in memory": io.BytesIO,
    "file": tempfile.TemporaryFile,
}


class ScriptedBody:
    """An iterator with close(), which is recorded."""

    def __init__(self, script: Mapping[str, Any], pieces: Iterator[Any]) -> None:
        self._script = script
        self._pieces = pieces

    def __iter__(self) -> "ScriptedBody":
        return self

    def __next__(self) -> Any:
        return next(self._pieces)

    def close(self) -> None:
        journal.record(self._script["key"], "close")
        if self._script["close"] == "raises":
            raise Mishap("in close()")


def piece(value: Any) -> Any:
    if isinstance(value, int):
        return b"x" * value
    if value in RAISED:
        raise RAISED[value]("as the script says")
    return WRONG_PIECES[value]


def script_view(
    environ: Environ, start_response: Callable[..., Any], query: Mapping[str, str]
) -> Any:
    script = json.loads(environ["HTTP_X_SCRIPT"])
    if script["read"]:
        environ["wsgi.input"].read()
    headers = [tuple(header) for header in script["headers"]]

    def start() -> None:
        write = start_response(script["status"], headers)
        if script["start"] == "twice":
            start_response(script["status"], headers)
        elif script["start"] == "replaced":
            try:
                raise Mishap("before the first byte")
            except Mishap:
                write = start_response(script["status"], headers, sys.exc_info())
        for size in script["write"]:
            write(b"x" * size)

    def pieces() -> Iterator[Any]:
        if script["start"] == "late":
            start()
        for value in script["pieces"]:
            yield piece(value)

    if script["start"] not in ("late", "never"):
        start()
    kind = script["kind"]
    if kind == "iterator":
        return ScriptedBody(script, pieces())
    if kind == "generator":
        return pieces()
    if kind in WRONG_PIECES:
        return WRONG_PIECES[kind]
    made = list(pieces())
    if kind in FILES:
        file = FILES[kind]()
        for made_piece in made:
            file.write(made_piece)
        file.seek(0)
        return environ["wsgi.file_wrapper"](file)
    return tuple(made) if kind == "tuple" else made


VIEWS = {"script": script_view}
