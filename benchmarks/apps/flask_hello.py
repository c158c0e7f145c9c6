"""The smallest Flask app: a text view and a JSON view."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "Hello, World!"


@app.get("/json")
def hello_json() -> dict[str, str]:
    return {"message": "Hello, World!"}
