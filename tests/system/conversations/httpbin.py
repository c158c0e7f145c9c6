"""httpbin shows what reached it, and has endpoints for most of what HTTP can answer."""

from tests.serving.requests import Part, Request, Variable

# httpbin shows all variables; only a server that stores the whole body first can invent a length.
INVENTED_LENGTH = [
    Variable(
        r'\s*"Content-Length": "\d+",?',
        "",
        "waitress counts the bytes of a chunked body before the app",
    ),
]

LARGE = "é€\n".encode() * 200_000

ECHOING = [
    Request(target="/get?a=1&b=%C3%A9&b=2&empty="),
    Request(
        target="/headers", headers=[("X-Empty", ""), ("X-Latin", "caf\xe9"), ("X-Case", "Mixed")]
    ),
    Request(target="/headers", headers=[("X-Many", "1"), ("Accept-Language", "de,en;q=0.5")]),
    Request(target="/ip"),
    Request(target="/user-agent"),
    Request(target="/anything/%E2%82%AC/a%2Fb/%25?q=%20&r=+"),
    Request(target="/anything//double//slash/?", status=308),
    Request(target="/anything/./dots/../kept"),
    Request(method="HEAD", target="/get"),
    Request(method="OPTIONS", target="/get"),
    Request(method="POST", target="/post", form={"a": "é", "b": "x" * 5000}),
    Request(method="POST", target="/post", json={"a": ["é", 1, None]}),
    Request(
        method="POST",
        target="/post",
        parts=[
            Part(name="text", content=b"a field"),
            Part(name="file", filename="ü.txt", content=b"\0\1\2", content_type="text/plain"),
        ],
    ),
    Request(method="POST", target="/post", body=b"no type"),
    Request(method="POST", target="/post", body=b""),
    Request(
        method="POST",
        target="/post",
        chunks=[b"in ", b"", b"several ", b"chunks" * 1000],
        variables=INVENTED_LENGTH,
    ),
    Request(method="PUT", target="/put", body=LARGE),
    Request(
        method="PUT",
        target="/put",
        chunks=[LARGE[:100_000], LARGE[100_000:]],
        variables=INVENTED_LENGTH,
    ),
    Request(method="PATCH", target="/patch", body=b"\xff\xfe\0"),
    Request(method="DELETE", target="/delete?x=1"),
    Request(method="GET", target="/anything", body=b"GET with a body"),
    Request(method="PROPFIND", target="/anything", status=405),
]

STATUS = [
    *(
        Request(target=f"/status/{status}", status=status)
        for status in (200, 201, 204, 301, 302, 304, 400, 401, 404, 406, 418, 429, 500, 503)
    ),
    Request(method="POST", target="/status/202", body=b"unread " * 1000, status=202),
    Request(method="HEAD", target="/status/404", status=404),
    Request(target="/redirect/3", status=302),
    Request(target="/relative-redirect/1", status=302),
    Request(target="/absolute-redirect/1", status=302),
    Request(target="/redirect-to?url=http%3A%2F%2Fa.test%2F%C3%A9&status_code=307", status=307),
    Request(target="/nothing", status=404),
    Request(method="POST", target="/get", status=405),
]

COOKIES_AND_KEYS = [
    Request(target="/cookies/set?a=1&b=two%20words", status=302),
    Request(target="/cookies"),
    Request(target="/cookies/delete?a", status=302),
    Request(target="/cookies"),
    Request(target="/cookies", headers=[("Cookie", 'c="quoted; no"; d=1')]),
    Request(target="/basic-auth/user/word", status=401),
    Request(
        target="/basic-auth/user/word",
        headers=[("Authorization", "Basic dXNlcjp3b3Jk")],
        status=200,
    ),
    Request(target="/bearer", headers=[("Authorization", "Bearer t0ken")]),
    Request(target="/etag/abc"),
    Request(target="/etag/abc", headers=[("If-None-Match", '"abc"')], status=304),
    Request(target="/cache", headers=[("If-None-Match", "x")], status=304),
    Request(target="/cache/60"),
]

BODIES = [
    Request(target="/html"),
    Request(target="/xml"),
    Request(target="/json"),
    Request(target="/encoding/utf8"),
    Request(target="/robots.txt"),
    Request(target="/image/png"),
    Request(method="HEAD", target="/image/png"),
    Request(target="/deflate"),
    Request(target="/brotli"),
    Request(target="/base64/w6kg4oKs"),
    Request(target="/links/3/1"),
    Request(target="/response-headers?X-One=1&X-Many=1&X-Many=2"),
    Request(target="/stream/5"),
    Request(target="/stream-bytes/50000?seed=1&chunk_size=700"),
    Request(method="HEAD", target="/stream-bytes/50000?seed=1"),
    Request(target="/bytes/30000?seed=2"),
    Request(target="/range/20000"),
    Request(target="/range/20000", headers=[("Range", "bytes=100-199")], status=206),
    Request(target="/range/20000", headers=[("Range", "bytes=50000-")], status=416),
    Request(target="/drip?numbytes=5&duration=0.1&code=200"),
    Request(target="/delay/0"),
]

CONVERSATION = [*ECHOING, *STATUS, *COOKIES_AND_KEYS, *BODIES]

VARIABLES: list[Variable] = []
