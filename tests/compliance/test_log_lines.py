"""Lines of the access log under random requests: one a request, none forged, JSON always valid.

The writer itself also meets bytes that no request can carry, in crates/trivet-server's tests.
"""

import json
import os
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compliance.conftest import APPLICATION
from tests.conftest import REPOSITORY, StartServer
from tests.serving.process import ServerProcess
from tests.serving.wire import Wire

TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
QUERY = string.ascii_letters + string.digits + "!$&'()*+,;=:@/%?[]|^\\{}`-._~"
# What steers terminals, ends lines or strings somewhere, changes the direction of text, or is no
# UTF-8; as far as RFC 9110 section 5.5 lets it into a value.
PIECES = [
    '"',
    "\\",
    "\\n",
    "\\u000a",
    "\t",
    "\x85",
    "\x9b31m",
    "\xff",
    "' \"",
    '] "GET / HTTP/1.1"',
]
PIECES += [text.encode().decode("latin-1") for text in ("\u2028", "\u2029", "\u202e", "\u20ac")]
PIECES += ['","event":"forged', "}\\u000a{", "%0a%1b[2J", "\xc3", "\xed\xa0\x80"]

values = st.lists(
    st.sampled_from(PIECES)
    | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=9)
).map(lambda pieces: "".join(pieces).replace("\x7f", "").strip(" \t"))
EXAMPLES = int(os.environ.get("TRIVET_TEST_EXAMPLES", "50"))

methods = st.text(TOKEN, min_size=1, max_size=32).filter(lambda text: text != "CONNECT")
queries = st.text(QUERY, max_size=30)


@pytest.fixture(scope="module")
def json_server(start_server_for_session: StartServer) -> ServerProcess:
    return started(start_server_for_session, "json")


@pytest.fixture(scope="module")
def text_server(start_server_for_session: StartServer) -> ServerProcess:
    return started(start_server_for_session, "text")


def started(start_server: StartServer, log_format: str) -> ServerProcess:
    more = ("--log-format", log_format)
    server = start_server("trivet", APPLICATION, REPOSITORY, extra_arguments=more)
    # The last line before that of a request.
    server.wait_for_output("server-ready.*\n")
    return server


def request(server: ServerProcess, method: str, target: str, referer: str, agent: str) -> list[str]:
    """Send one request, and return the lines that it added to the log."""
    before = len(server.output)
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: a",
        f"Referer: {referer}",
        f"User-Agent: {agent}",
    ]
    with Wire(server.address) as wire:
        wire.send("".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n")
        wire.read_response(method)
    server.wait_until(lambda: server.output.endswith("\n") and len(server.output) > before, "log")
    return server.output[before:].removesuffix("\n").split("\n")


@settings(max_examples=EXAMPLES)
@given(methods, queries, values, values)
def test_a_json_line_says_what_was_sent(
    json_server: ServerProcess, method: str, query: str, referer: str, agent: str
) -> None:
    (line,) = request(json_server, method, f"/journal?key=x&{query}", referer, agent)
    assert line.isascii()
    assert line.isprintable()
    told = json.loads(line)
    assert told["event"] == "request"
    assert (told["method"], told["target"]) == (method, f"/journal?key=x&{query}")
    assert (told["referer"], told["user_agent"]) == (referer, agent)


COMBINED = re.compile(
    r'127\.0\.0\.1 - - \[[^]]+\] "((?:[^"\\]|\\.)*)" (\d{3}) \d+ '
    r'"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" [\d.]+ms'
)


@settings(max_examples=EXAMPLES)
@given(methods, queries, values, values)
def test_a_text_line_says_what_was_sent(
    text_server: ServerProcess, method: str, query: str, referer: str, agent: str
) -> None:
    (line,) = request(text_server, method, f"/journal?key=x&{query}", referer, agent)
    assert line.isascii()
    assert line.isprintable()
    match = COMBINED.fullmatch(line)
    assert match is not None
    assert unescaped(match[1]) == f"{method} /journal?key=x&{query} HTTP/1.1"
    assert (unescaped(match[3]), unescaped(match[4])) == (referer, agent)


def unescaped(text: str) -> str:
    """What `\\xHH`, `\\"` and `\\\\` of the text format stand for."""
    return re.sub(
        r'\\x([0-9a-f]{2})|\\(["\\])',
        lambda found: chr(int(found[1], 16)) if found[1] else found[2],
        text,
    )
