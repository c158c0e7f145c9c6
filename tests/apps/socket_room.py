"""A room of Flask-SocketIO in threading mode: what one says, all hear."""

from flask import Flask
from flask_socketio import SocketIO, send

app = Flask(__name__)
app.config["SECRET_KEY"] = "for tests"
room = SocketIO(app, async_mode="threading")


@app.get("/")
def index():
    return "an ordinary page"


@room.on("message")
def hear(text):
    send(text.upper(), broadcast=True)


@room.on("sum")
def add(numbers):
    return sum(numbers)
