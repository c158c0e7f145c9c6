"""The example of server-sent events: all but the endless stream, which test_streams follows."""

from tests.serving.requests import Request, Variable

CONVERSATION = [
    Request(target="/"),
    Request(method="POST", target="/messages", form={"message": "hello é"}, status=204),
    Request(method="POST", target="/messages", form={"message": " "}, status=400),
    Request(method="HEAD", target="/"),
    Request(target="/messages", status=405),
]

VARIABLES: list[Variable] = []
