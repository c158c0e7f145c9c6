"""The example API: every method, and every way to be refused."""

from tests.serving.requests import Request, Variable

CONVERSATION = [
    Request(target="/tasks"),
    Request(method="POST", target="/tasks", json={"title": "Größe €"}, status=201),
    Request(
        method="POST", target="/tasks", json={"title": "x" * 300_000, "done": True}, status=201
    ),
    Request(
        method="POST",
        target="/tasks",
        headers=[("Content-Type", "application/json")],
        chunks=[b'{"title": ', b'"in chunks"', b"}"],
        status=201,
    ),
    Request(target="/tasks"),
    Request(target="/tasks/1"),
    Request(method="HEAD", target="/tasks/2"),
    Request(method="PATCH", target="/tasks/1", json={"done": True}),
    Request(method="DELETE", target="/tasks/2", status=204),
    Request(target="/tasks/2", status=404),
    Request(method="POST", target="/tasks", json={"name": "wrong"}, status=400),
    Request(method="POST", target="/tasks", json={"title": 5}, status=400),
    Request(method="POST", target="/tasks", body=b"no JSON", status=415),
    Request(
        method="POST",
        target="/tasks",
        headers=[("Content-Type", "application/json")],
        body=b"{broken",
        status=400,
    ),
    Request(method="PUT", target="/tasks", status=405),
    Request(target="/tasks/", status=404),
    # So that the next client finds the list as this one did.
    Request(method="DELETE", target="/tasks/1", status=204),
    Request(method="DELETE", target="/tasks/3", status=204),
    Request(target="/tasks"),
]

VARIABLES: list[Variable] = []
