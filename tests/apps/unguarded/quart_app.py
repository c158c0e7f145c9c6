"""Quart, an ASGI framework: its `run` must not block either."""

from quart import Quart

app = Quart(__name__)
app.run(port=0)  # ignored: app.run()
