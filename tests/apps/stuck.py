"""Plain WSGI views that never come back by themselves, each in another way, beside ones that do."""

import ctypes
import os
import re
import time


def app(environ, start_response):
    body = VIEWS[environ["PATH_INFO"]](environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def process(environ):
    return str(os.getpid()).encode()


def sleep(environ):
    time.sleep(600)  # the line that sleeps
    return b"slept"


def hold_the_interpreter(environ):
    # PyDLL calls without releasing the interpreter's lock, as a C extension may.
    ctypes.PyDLL(None).sleep(600)  # the line that holds it
    return b"held"


def backtrack(environ):
    """Python's regular expressions hold the lock, for years in this one."""
    re.match("(a+)+b", "a" * 60)  # the line that tries them all
    return b"tried"


def loop(environ):
    while True:
        pass  # the line that loops


def loop_and_catch(environ):
    """As much as a view does to keep going, short of catching BaseException."""
    while True:
        try:
            loop(environ)
        except Exception:  # noqa: BLE001 — as broad as views are
            continue


VIEWS = {
    "/process": process,
    "/sleep": sleep,
    "/hold": hold_the_interpreter,
    "/backtrack": backtrack,
    "/loop": loop,
    "/loop-and-catch": loop_and_catch,
}
