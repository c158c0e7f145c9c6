"""A plain WSGI app whose path is the status to answer with, for what counts answers."""


def app(environ, start_response):
    status = environ["PATH_INFO"].strip("/") or "200"
    start_response(f"{status} As Asked", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
