"""A Falcon application: what it is asked.

No chunked uploads: Falcon's media handlers read by CONTENT_LENGTH, which only a server that
stores the whole body first can know.
"""

from tests.serving.requests import Part, Request, Variable

CONVERSATION = [
    Request(target="/things?a=1&b=%C3%A9"),
    Request(method="POST", target="/things", json={"name": "Größe"}, status=201),
    Request(target="/things/1"),
    Request(method="HEAD", target="/things/1", status=405),
    Request(target="/things/9", status=404),
    Request(
        method="POST",
        target="/things",
        headers=[("Content-Type", "application/json")],
        body=b"{broken",
        status=400,
    ),
    Request(
        method="PUT",
        target="/echo",
        headers=[("Content-Type", "application/octet-stream")],
        body=bytes(range(256)) * 1000,
    ),
    Request(
        method="POST",
        target="/parts",
        parts=[
            Part(name="text", content=b"text"),
            Part(name="file", filename="a.bin", content=b"\0" * 100_000),
        ],
    ),
    Request(target="/streams/sized"),
    Request(target="/streams/file"),
    Request(target="/streams/pieces"),
    Request(method="HEAD", target="/streams/sized", status=405),
    Request(target="/fields?a=%20b", headers=[("X-Sent", "caf\xe9")]),
    Request(method="OPTIONS", target="/things"),
    Request(method="DELETE", target="/things/1", status=204),
    Request(method="PATCH", target="/things", status=405),
    Request(target="/nothing", status=404),
]

VARIABLES: list[Variable] = []
