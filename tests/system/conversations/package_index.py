"""pip and twine at a pypiserver: upload, list, download."""

from tests.serving.requests import Part, Request, Variable

WHEEL = b"PK\x03\x04" + bytes(range(256)) * 4000


def upload(filename: str, status: int) -> Request:
    return Request(
        method="POST",
        target="/",
        parts=[
            Part(name=":action", content=b"file_upload"),
            Part(name="name", content=b"parcel"),
            Part(name="version", content=b"1.0"),
            Part(name="content", filename=filename, content=WHEEL),
        ],
        status=status,
    )


FILENAME = "parcel-1.0-py3-none-any.whl"

CONVERSATION = [
    Request(target="/"),
    Request(target="/simple/"),
    upload(FILENAME, status=200),
    upload("../outside.whl", status=400),
    Request(target="/simple/parcel/"),
    Request(target="/simple/Parcel/", status=301),
    Request(target="/simple/parcel", status=301),
    Request(target="/simple/", headers=[("Accept", "application/vnd.pypi.simple.v1+json")]),
    Request(target="/packages/"),
    Request(target=f"/packages/{FILENAME}"),
    Request(method="HEAD", target=f"/packages/{FILENAME}"),
    Request(target=f"/packages/{FILENAME}", headers=[("Range", "bytes=4-259")], status=206),
    Request(target="/packages/nothing.whl", status=404),
    Request(target="/parcel/json"),
    Request(target="/simple/unknown/", status=303),
    Request(
        method="POST",
        target="/",
        parts=[
            Part(name=":action", content=b"remove_pkg"),
            Part(name="name", content=b"parcel"),
            Part(name="version", content=b"1.0"),
        ],
    ),
]

VARIABLES = [
    Variable(
        r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "…", "each server got the file at its own time"
    ),
    Variable(r'"[0-9a-f]{40}"', '"…"', "Bottle's ETag is made from the same time"),
]
