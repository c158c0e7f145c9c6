"""WebSocket echo with Flask-Sock, beside an ordinary page."""

from flask import Flask
from flask_sock import Sock

app = Flask(__name__)
sock = Sock(app)


@app.get("/")
def index():
    return "an ordinary page"


@sock.route("/echo")
def echo(socket):
    while True:
        message = socket.receive()
        if message == "leave":
            break
        socket.send(message)
