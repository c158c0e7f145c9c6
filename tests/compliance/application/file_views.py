"""Views that answer with wsgi.file_wrapper around files of every kind."""

import functools
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.compliance.application import journal
from tests.compliance.application.responses import (
    FILE_BYTES,
    Environ,
    Query,
    StartResponse,
    ok,
    response,
)


class RecordedFile(io.FileIO):
    """A real file that records its close()."""

    key = ""

    def close(self) -> None:
        if not self.closed:
            journal.record(self.key, "close")
        super().close()


class FileLike:
    """Only what PEP 3333 asks of a file-like object: read(size)."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._source.read(size)


def open_file(open_path: Callable[[str], Any]) -> Any:
    """Return FILE_BYTES as a file that has no name any more, opened by `open_path`."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(FILE_BYTES)
        file.flush()
        return open_path(file.name)


def open_recorded(key: str) -> RecordedFile:
    file: RecordedFile = open_file(RecordedFile)
    file.key = key
    return file


@response
def file_response(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    """FILE_BYTES as a file of a `kind`, from `offset`, with `length` if that is given."""
    offset = int(query.get("offset", "0"))
    sources: Mapping[str, Callable[[], Any]] = {
        "real": lambda: open_recorded(query.get("key", "")),
        "memory": lambda: io.BytesIO(FILE_BYTES),
        "buffered": lambda: open_file(functools.partial(open, mode="rb")),
        "read only": lambda: FileLike(FILE_BYTES[offset:]),
    }
    source = sources[query["kind"]]()
    if hasattr(source, "seek"):
        source.seek(offset)
    ok(start_response, *([("Content-Length", query["length"])] if "length" in query else []))
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source, 8192)
    # A middleware may go through the items itself; then the wrapper is an ordinary iterable.
    return (piece for piece in wrapped) if "iterate" in query else wrapped
