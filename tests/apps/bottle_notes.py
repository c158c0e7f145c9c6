"""A Bottle application: forms, cookies, files, redirects, errors, generators."""

import hashlib
import io

from bottle import Bottle, HTTPError, abort, redirect, request, response, static_file

app = application = Bottle()


@app.get("/")
def index():
    response.set_cookie("visited", "yes", path="/")
    return "<h1>Notes</h1>"


@app.get("/hello/<name>")
def hello(name):
    response.content_type = "text/plain; charset=utf-8"
    return f"hello {name}, again: {request.get_cookie('visited')}, {request.query.q}"


@app.route("/notes", method=["POST", "PUT"])
def write_note():
    response.status = 201
    return {"title": request.forms.title, "length": len(request.forms.text)}


@app.post("/files")
def upload():
    upload = request.files["file"]
    return {"name": upload.raw_filename, "sha256": hashlib.sha256(upload.file.read()).hexdigest()}


@app.get("/source")
def source():
    return static_file(
        "bottle_notes.py", root=__file__.rpartition("/")[0], mimetype="text/x-python"
    )


@app.get("/memory")
def memory():
    response.content_type = "application/octet-stream"
    return io.BytesIO(b"from memory " * 10_000)


@app.get("/pieces")
def pieces():
    for number in range(5):
        yield f"piece {number}\n"


@app.get("/moved")
def moved():
    redirect("/hello/moved")


@app.get("/forbidden")
def forbidden():
    abort(403, "No é entry")


@app.get("/broken")
def broken():
    raise HTTPError(500, "broken on purpose")


@app.delete("/notes/<number:int>")
def delete(number):
    response.status = 204
