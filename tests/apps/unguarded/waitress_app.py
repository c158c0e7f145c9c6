"""waitress, which many projects started with."""

from flask import Flask
from waitress import serve

app = Flask(__name__)
serve(app, port=0)  # ignored: waitress.serve()
