import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return {"greeting": os.environ.get("GREETING", "Hello"), "pid": os.getpid()}


@app.get("/broken")
def broken():
    name = "a page in development, 500 in production"
    raise RuntimeError(name)
