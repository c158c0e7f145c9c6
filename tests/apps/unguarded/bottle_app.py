"""Bottle, by both of its spellings."""

from bottle import Bottle, run

app = Bottle()
run(app, port=0)  # ignored: run()
app.run(port=0)  # ignored: app.run()
