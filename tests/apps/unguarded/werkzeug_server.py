"""Werkzeug's server, by a name that was imported."""

from flask import Flask
from werkzeug.serving import run_simple

app = Flask(__name__)
run_simple("127.0.0.1", 0, app)  # ignored: run_simple()
