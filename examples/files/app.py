"""Upload and download files of any size: what passes through is never held in memory."""

import os
import tempfile
from pathlib import Path

from flask import Flask, abort, redirect, render_template, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from werkzeug.utils import secure_filename

FOLDER = Path(os.environ.get("FILES_FOLDER", Path(__file__).parent / "instance" / "files"))
FOLDER.mkdir(parents=True, exist_ok=True)

# As much as is in memory at a time.
PIECE_BYTES = 256 * 1024

app = Flask(__name__)


@app.get("/")
def index() -> str:
    files = sorted(path for path in FOLDER.iterdir() if not path.name.startswith("."))
    return render_template("index.html", files=[(path.name, path.stat().st_size) for path in files])


@app.post("/")
def upload_form() -> ResponseReturnValue:
    """Take a file from the page's form. Flask parses forms to a temporary file, not into memory."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        abort(400, "Choose a file first.")
    path = path_of(sent.filename)
    with tempfile.NamedTemporaryFile(dir=FOLDER, prefix=".", delete=False) as unfinished:
        sent.save(unfinished, buffer_size=PIECE_BYTES)
    Path(unfinished.name).replace(path)
    return redirect(url_for("index"))


@app.put("/files/<name>")
def upload(name: str) -> ResponseReturnValue:
    """Take the request's body as the file, piece by piece: `curl -T big.iso URL`.

    The file gets its name when all of it is there. When the client goes away in the middle,
    reading raises, and what came so far is deleted.
    """
    path = path_of(name)
    descriptor, unfinished = tempfile.mkstemp(dir=FOLDER, prefix=".")
    try:
        with open(descriptor, "wb") as file:
            while piece := request.stream.read(PIECE_BYTES):
                file.write(piece)
        existed = path.exists()
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink()
        raise
    return {"name": path.name, "bytes": path.stat().st_size}, 200 if existed else 201


@app.get("/files/<name>")
def download(name: str) -> ResponseReturnValue:
    """Send the file, or the range of it that was asked for.

    Flask hands the open file to the server as `wsgi.file_wrapper`; the server lets the kernel
    copy it to the socket.
    """
    return send_from_directory(FOLDER, path_of(name).name, as_attachment=True)


@app.delete("/files/<name>")
def delete(name: str) -> ResponseReturnValue:
    path = path_of(name)
    if not path.exists():
        abort(404)
    path.unlink()
    return "", 204


def path_of(name: str) -> Path:
    """Return where a file of this name is kept; no name leads out of the folder."""
    safe_name = secure_filename(name)
    if not safe_name:
        abort(400, f"{name!r} is not a name for a file.")
    return FOLDER / safe_name
