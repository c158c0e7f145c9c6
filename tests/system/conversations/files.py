"""The example for large files: uploads in three ways, whole and partial downloads."""

from tests.serving.requests import Part, Request, Variable

LARGE = b"".join(b"%07d\n" % number for number in range(1024 * 1024))

CONVERSATION = [
    Request(target="/"),
    Request(method="PUT", target="/files/large.bin", body=LARGE, status=201),
    Request(target="/files/large.bin"),
    Request(method="HEAD", target="/files/large.bin"),
    Request(target="/files/large.bin", headers=[("Range", "bytes=1000-1999")], status=206),
    Request(target="/files/large.bin", headers=[("Range", "bytes=-5")], status=206),
    Request(target="/files/large.bin", headers=[("Range", "bytes=99999999-")], status=416),
    Request(
        target="/files/large.bin",
        headers=[("If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT")],
        status=304,
    ),
    Request(
        method="PUT", target="/files/pieces.bin", chunks=[LARGE[:7], LARGE[7:3_000_000]], status=201
    ),
    Request(target="/files/pieces.bin"),
    Request(method="PUT", target="/files/empty.bin", body=b"", status=201),
    Request(target="/files/empty.bin"),
    Request(
        method="POST",
        target="/",
        parts=[Part(name="file", filename="form.bin", content=LARGE[:2_000_000])],
        status=302,
    ),
    Request(target="/"),
    Request(target="/files/form.bin"),
    Request(method="POST", target="/", form={"file": "no file"}, status=400),
    Request(target="/files/..%2F..%2Fapp.py", status=404),
    Request(target="/files/%2e%2e", status=400),
    Request(target="/files/nothing", status=404),
    Request(method="DELETE", target="/files/large.bin", status=204),
    Request(method="DELETE", target="/files/pieces.bin", status=204),
    Request(method="DELETE", target="/files/empty.bin", status=204),
    Request(method="DELETE", target="/files/form.bin", status=204),
]

VARIABLES = [
    Variable(
        r'"[0-9.]+-\d+-\d+"', '"…"', "the ETag has the time at which each server got the file"
    ),
    Variable(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "…", "the same time as Last-Modified"),
]
