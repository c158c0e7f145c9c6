"""The example script has one page."""

from tests.serving.requests import Request, Variable

CONVERSATION = [
    Request(target="/"),
    Request(method="HEAD", target="/"),
    Request(target="/nothing", status=404),
    Request(method="POST", target="/", form={"a": "b"}, status=405),
]

VARIABLES: list[Variable] = []
