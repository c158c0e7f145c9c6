"""What the modules of unusual responses share: types, headers, and the table that finds them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
Query = Mapping[str, str]

TEXT = ("Content-Type", "text/plain")

# What files and large bodies contain: no two places look the same, so a wrong offset shows.
FILE_BYTES = b"".join(b"%07d\n" % number for number in range(1024 * 1024))

RESPONSES: dict[str, Callable[..., Iterable[bytes]]] = {}


def response(view: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Let `/response/NAME` choose the view, with dashes in its name."""
    RESPONSES[view.__name__.replace("_", "-")] = view
    return view


def ok(start_response: StartResponse, *headers: tuple[str, str]) -> Callable[[bytes], object]:
    return start_response("200 OK", [TEXT, *headers])


def choose(environ: Environ, start_response: StartResponse, query: Query) -> Iterable[bytes]:
    return RESPONSES[environ["PATH_INFO"].split("/")[2]](environ, start_response, query)


VIEWS = {"response": choose}
