"""A generator of sixteen pieces of 1 KiB, without Content-Length: the server frames them."""

PIECES = 16
PIECE = b"x" * 1024
HEADERS = [("Content-Type", "application/octet-stream")]


def pieces():
    for _ in range(PIECES):
        yield PIECE


def app(environ, start_response):
    start_response("200 OK", HEADERS)
    return pieces()
