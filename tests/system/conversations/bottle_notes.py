"""A Bottle application: what it is asked.

No chunked uploads: Bottle reads a body by CONTENT_LENGTH, or takes the chunks apart itself
(0.13, `_iter_chunked`); only a server that stores the whole body first can give it a length.
"""

from tests.serving.requests import Part, Request, Variable

CONVERSATION = [
    Request(target="/"),
    Request(target="/hello/Zo%C3%AB?q=%E2%82%AC"),
    Request(target="/hello/a%2Fb", status=404),
    Request(method="HEAD", target="/hello/you"),
    Request(method="POST", target="/notes", form={"title": "é", "text": "x" * 90_000}, status=201),
    Request(method="PUT", target="/notes", form={"title": "", "text": ""}, status=201),
    Request(
        method="POST",
        target="/files",
        parts=[Part(name="file", filename="a.bin", content=bytes(range(256)) * 2000)],
    ),
    Request(target="/source"),
    Request(target="/source", headers=[("Range", "bytes=0-9")], status=206),
    Request(method="HEAD", target="/source"),
    Request(target="/memory"),
    Request(target="/pieces"),
    Request(target="/moved", status=303),
    Request(target="/forbidden", status=403),
    Request(target="/broken", status=500),
    Request(target="/nothing", status=404),
    Request(method="DELETE", target="/notes/1", status=204),
    Request(method="PATCH", target="/notes", status=405),
]

VARIABLES: list[Variable] = []
