"""Plain WSGI views that wait where a test wants them to, count calls, and tell their process.

Tests and views meet at FIFOs and files, because a server that stops takes no new connection.
"""

import os
import time
from urllib.parse import parse_qs


def app(environ, start_response):
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    body = VIEWS[environ["PATH_INFO"]](query)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def wait(query):
    """Open the FIFO, which returns when the test has opened it, too; read until it closes it."""
    with open(query["fifo"], "rb") as fifo:
        return b"waited for " + fifo.read()


def sleep(query):
    time.sleep(float(query["seconds"]))
    return b"slept"


def process(query):
    return str(os.getpid()).encode()


def count(query):
    """Append a byte to the file in COUNT_FILE: its size is the calls of all processes."""
    descriptor = os.open(os.environ["COUNT_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)
    return b"counted"


VIEWS = {"/wait": wait, "/sleep": sleep, "/process": process, "/count": count}
