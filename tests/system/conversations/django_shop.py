"""A person who works in Django's admin, and visitors of the pages beside it.

No chunked uploads: Django reads nothing when CONTENT_LENGTH is missing (5.2, WSGIRequest), and
only a server that stores the whole body first, as waitress does, can know it.
"""

from tests.serving.requests import Part, Request, Variable

# The page's own token, not a cookie: Django masks it anew on every page.
TOKEN = {"token": r'name="csrfmiddlewaretoken" value="(\w+)"'}
WITH_TOKEN = {"csrfmiddlewaretoken": "${token}"}
ADD = "/admin/products/product/add/"

CONVERSATION = [
    Request(target="/admin/", status=302),
    Request(target="/admin/login/?next=/admin/", capture=TOKEN),
    Request(method="HEAD", target="/admin/login/"),
    Request(method="POST", target="/admin/login/", form={"username": "boss"}, status=403),
    Request(
        method="POST",
        target="/admin/login/?next=/admin/",
        form={**WITH_TOKEN, "username": "boss", "password": "wrong"},
    ),
    Request(
        method="POST",
        target="/admin/login/?next=/admin/",
        form={**WITH_TOKEN, "username": "boss", "password": "correct horse", "next": "/admin/"},
        status=302,
    ),
    Request(target="/admin/"),
    Request(target=ADD, capture=TOKEN),
    Request(method="POST", target=ADD, form={**WITH_TOKEN, "name": "Käse €", "price": "x"}),
    Request(
        method="POST",
        target=ADD,
        parts=[
            Part(name="csrfmiddlewaretoken", content=b"${token}"),
            Part(name="name", content="Käse €".encode()),
            Part(name="price", content=b"12.50"),
        ],
        status=302,
    ),
    Request(
        target="/admin/products/product/?q=K%C3%A4se",
        capture={"number": r"/admin/products/product/(\d+)/change/"},
    ),
    Request(target="/admin/products/product/${number}/history/"),
    Request(
        method="POST",
        target="/admin/products/product/${number}/delete/",
        form={**WITH_TOKEN, "post": "yes"},
        status=302,
    ),
    Request(target="/admin/products/product/"),
    Request(target="/admin/products/product/999/change/", status=302),
    Request(target="/admin/jsi18n/"),
    Request(method="POST", target="/admin/logout/", form=WITH_TOKEN),
    Request(target="/caf%C3%A9/Zo%C3%AB/?q=%E2%82%AC"),
    Request(target="/caf%C3%A9/a%2520b", status=301),
    Request(target="/file/"),
    Request(method="HEAD", target="/file/"),
    Request(target="/pieces/"),
    Request(target="/nothing/", status=404),
    Request(target="/broken/", status=500),
    Request(method="POST", target="/upload/", form={"a": "é" * 10_000}),
    Request(method="POST", target="/upload/", json={"a": 1}),
    Request(method="POST", target="/upload/", form={"a": "x" * 3_000_000}, status=400),
    Request(
        method="POST",
        target="/upload/",
        parts=[
            Part(name="field", content=b"text"),
            Part(name="file", filename="large.bin", content=b"\0\xff\r\n" * 1_000_000),
        ],
    ),
]

VARIABLES = [
    Variable(r'(csrfmiddlewaretoken" value=")\w+', r"\1…", "Django's form token is random"),
    Variable(r"(csrftoken|sessionid)=\w+", r"\1=…", "cookies of Django are random"),
    Variable(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "…", "pages and cookies expire from now on"),
    Variable(
        r"\w+\.? \d+, \d{4}, (\d+(:\d+)? [ap]\.m\.|noon|midnight)",
        "…",
        "the history has the time of each change",
    ),
    Variable(r'nonce="[^"]+"', "nonce=…", "a nonce is random"),
    Variable(r"messages=[^;]*", "messages=…", "Django signs the message cookie with the time"),
]
