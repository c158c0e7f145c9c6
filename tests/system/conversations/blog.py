"""A visitor of the example blog: reads, registers, writes, changes, deletes, and is refused."""

from tests.serving.requests import Part, Request, Variable

TOKEN = {"token": r'name="form_token" value="(\w+)"'}
WITH_TOKEN = {"form_token": "${token}"}

CONVERSATION = [
    Request(target="/"),
    Request(method="HEAD", target="/"),
    Request(method="OPTIONS", target="/"),
    Request(target="/?page=2"),
    Request(target="/?page=%C3%A9"),
    Request(target="/static/style.css", headers=[("Accept-Encoding", "gzip")]),
    Request(target="/static/style.css", headers=[("Range", "bytes=10-99")], status=206),
    Request(target="/static/nothing.css", status=404),
    Request(target="/posts/999", status=404),
    Request(target="/caf%C3%A9/%2F/%00", status=404),
    Request(target="/posts/new", status=302),
    Request(target="/login", capture=TOKEN),
    Request(method="POST", target="/register", form={"name": "eve"}, status=400),
    Request(
        method="POST",
        target="/register",
        form={**WITH_TOKEN, "name": "Zoë", "password": "correct horse"},
        status=302,
    ),
    Request(target="/posts/new", capture=TOKEN),
    Request(
        method="POST",
        target="/posts/new",
        form={**WITH_TOKEN, "title": "Größe & <b>", "body": "one\r\n\r\ntwo " + "€" * 20_000},
        status=302,
    ),
    Request(target="/posts/2"),
    Request(target="/"),
    Request(
        method="POST",
        target="/posts/2/edit",
        parts=[
            Part(name="form_token", content=b"${token}"),
            Part(name="title", content=b"Changed"),
            Part(name="body", content="by a multipart form: é".encode()),
        ],
        status=302,
    ),
    Request(target="/posts/2"),
    Request(method="POST", target="/posts/2/edit", form={**WITH_TOKEN, "title": "x"}, status=422),
    Request(method="POST", target="/posts/1/delete", form=WITH_TOKEN, status=403),
    Request(method="POST", target="/posts/2/delete", form=WITH_TOKEN, status=302),
    Request(target="/"),
    Request(method="POST", target="/logout", form=WITH_TOKEN, status=302),
    Request(method="DELETE", target="/posts/1", status=405),
]

VARIABLES = [
    Variable(r"session=[\w.-]+", "session=…", "a session cookie is signed with the time"),
    Variable(r'(name="form_token" value=")\w+', r"\1…", "the form token is random"),
]
