"""Trivet's own serve()."""

from flask import Flask

from trivet import serve

app = Flask(__name__)
serve(app, port=0)  # ignored: trivet.serve()
