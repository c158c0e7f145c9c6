"""Flask-SocketIO, whose `run` starts Werkzeug's server in threading mode."""

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, async_mode="threading")
socketio.run(app, port=0, allow_unsafe_werkzeug=True)  # ignored: socketio.run()
