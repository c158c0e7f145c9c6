"""Two HTTP clients for prepared requests: httpx on a kept connection, curl as a process."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import httpx

from tests.serving.addresses import TcpAddress
from tests.serving.requests import Answer, Prepared

CLIENT_TIMEOUT_SECONDS = 30


class Send(Protocol):
    """Sends a request and returns the answer; decodes and follows nothing."""

    def __call__(self, request: Prepared) -> Answer: ...


@contextmanager
def httpx_client(address: TcpAddress, folder: Path) -> Iterator[Send]:
    with httpx.Client(timeout=CLIENT_TIMEOUT_SECONDS, trust_env=False) as client:
        # Nothing but what a request names itself, and no Accept-Encoding unless it does.
        client.headers = httpx.Headers({"User-Agent": "httpx", "Accept": "*/*"})

        def send(request: Prepared) -> Answer:
            content = iter(request.chunks) if request.chunks else request.body
            url = httpx.URL(
                scheme="http",
                host=address.host,
                port=address.port,
                raw_path=request.target.encode(),
            )
            headers = in_bytes(request.headers)
            if request.method == "HEAD":
                # waitress sends what the app returns, also for HEAD: nothing may follow it.
                headers.append((b"Connection", b"close"))
            built = client.build_request(request.method, url, headers=headers, content=content)
            answer = client.send(built, stream=True)
            try:
                body = b"".join(answer.iter_raw())
            finally:
                answer.close()
            fields = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in answer.headers.raw
            ]
            return Answer(answer.status_code, answer.reason_phrase, fields, body)

        yield send


def in_bytes(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


@contextmanager
def curl_client(address: TcpAddress, folder: Path) -> Iterator[Send]:
    def send(request: Prepared) -> Answer:
        head_path, body_path = folder / "curl.head", folder / "curl.body"
        command: list[str | bytes] = [
            *("curl", "--silent", "--show-error", "--globoff", "--path-as-is", "--http1.1"),
            *("--max-time", str(CLIENT_TIMEOUT_SECONDS), "--dump-header", str(head_path)),
            *("--user-agent", "curl", "--noproxy", "*"),
        ]
        for name, value in request.headers:
            # `Name;` is curl's way to send a field that is empty.
            line = f"{name}: {value}" if value else f"{name};"
            command += ["--header", line.encode("latin-1")]
        command += ["--head"] if request.method == "HEAD" else ["--request", request.method]
        body = b"".join(request.chunks) if request.chunks else request.body
        if request.chunks:
            command += ["--header", "Transfer-Encoding: chunked"]
        if body is not None:
            body_path.write_bytes(body)
            command += ["--data-binary", f"@{body_path}"]
            if not any(name.lower() == "content-type" for name, _ in request.headers):
                command += ["--header", "Content-Type:"]
        command.append(f"http://{address.authority}{request.target}")
        finished = subprocess.run(command, capture_output=True, check=False)
        assert finished.returncode == 0, f"{command}: {finished.stderr.decode()}"
        return parse_head(head_path.read_bytes(), finished.stdout, request.method)

    yield send


def parse_head(head: bytes, output: bytes, method: str) -> Answer:
    """Return the answer from what curl dumped; interim answers come before the last head."""
    last = head.decode("latin-1").strip("\r\n").split("\r\n\r\n")[-1]
    status_line, *lines = last.split("\r\n")
    _, status, reason = status_line.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    # With --head, curl writes the head to its output.
    return Answer(int(status), reason, headers, b"" if method == "HEAD" else output)


OpenClient = Callable[[TcpAddress, Path], AbstractContextManager[Send]]

CLIENTS: Mapping[str, OpenClient] = {"httpx": httpx_client, "curl": curl_client}
