"""One file that serves itself: `python app.py`."""

from flask import Flask

from trivet import serve

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "Hello from a script.\n"


if __name__ == "__main__":
    serve(app)
