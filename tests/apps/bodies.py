"""Bodies up and down, for tests that disturb the way: an echo, a stream, a file, a plain answer."""

import os
import tempfile
from wsgiref.util import FileWrapper

FILE_BYTES = 300_000


def app(environ, start_response):
    return VIEWS[environ["PATH_INFO"]](environ, start_response)


def plain(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"plain"]


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def stream(environ, start_response):
    start_response("200 OK", [])
    return (b"%0799d\n" % number for number in range(500))


def file(environ, start_response):
    opened = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    opened.write(b"f" * FILE_BYTES)
    opened.seek(0)
    start_response("200 OK", [("Content-Length", str(FILE_BYTES))])
    return environ.get("wsgi.file_wrapper", FileWrapper)(opened)


def process(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]


VIEWS = {"/": plain, "/echo": echo, "/stream": stream, "/file": file, "/process": process}
