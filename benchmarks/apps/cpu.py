"""About 35 µs of pure Python per request; /sleep adds 1 ms of sleep."""

import time


def work() -> int:
    total = 0
    for number in range(2000):
        total += number
    return total


def app(environ, start_response):
    body = str(work()).encode()
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(0.001)
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
