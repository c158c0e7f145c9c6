"""Plain WSGI views that hostile clients hold on to: an upload, a large answer, an endless one."""

LARGE = bytes(8 * 1024 * 1024)
PIECE = bytes(64 * 1024)


def app(environ, start_response):
    return VIEWS[environ["PATH_INFO"]](environ, start_response)


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def upload(environ, start_response):
    length = len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % length]


def large(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [LARGE]


def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while True:
        yield PIECE


VIEWS = {"/": hello, "/upload": upload, "/large": large, "/endless": endless}
