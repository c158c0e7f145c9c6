"""trivet.settings.addresses: the grammar of --bind."""

import pytest

from trivet.host import UNIX_PATH_LIMIT
from trivet.settings.addresses import Address, AddressKind, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8000", Address(host="127.0.0.1", port=8000)),
        ("localhost:80", Address(host="localhost", port=80)),
        ("[::1]:8000", Address(host="::1", port=8000)),
        ("[::]:0", Address(host="::", port=0)),
        (":8000", Address(port=8000)),
        ("8000", Address(port=8000)),
        ("*:8000", Address(port=8000)),
        ("unix:/run/shop.sock", Address(path="/run/shop.sock")),
        ("unix:shop.sock", Address(path="shop.sock")),
        ("unix:///run/shop.sock", Address(path="/run/shop.sock")),
        ("fd://3", Address(file_descriptor=3)),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected HOST:PORT"),
        ("localhost", "expected a port too, such as localhost:8000"),
        ("localhost:http", "its port is 'http', expected a number from 0 to 65535"),
        ("localhost:65536", "its port is '65536', expected a number from 0 to 65535"),
        ("localhost:", "its port is '', expected a number from 0 to 65535"),
        ("99999", "its port is '99999', expected a number from 0 to 65535"),
        ("::1:8000", r"expected brackets around an IPv6 address, such as \[::1\]:8000"),
        ("[::1]", r"expected an IPv6 address and a port, such as \[::1\]:8000"),
        ("[::1:8000", r"expected an IPv6 address and a port"),
        ("[localhost]:80", r"expected an IPv6 address and a port"),
        ("http://localhost:80", "without http://"),
        ("local host:80", "expected a host name or an IP address"),
        ("unix:", "expected a path after unix:"),
        ("unix:@shop", "not an abstract socket"),
        ("unix:" + "x" * 200, f"200 bytes long, and this system allows {UNIX_PATH_LIMIT}"),
        ("fd://", "expected the number of an open socket"),
        ("fd://three", "expected the number of an open socket"),
    ],
)
def test_a_wrong_address_is_told_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_address(text)


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8000", "[::1]:8000", ":8000", "unix:/run/shop.sock", "fd://3"]
)
def test_an_address_is_shown_as_it_was_written(text: str) -> None:
    assert str(parse_address(text)) == text


def test_a_port_in_a_file_needs_no_quotes() -> None:
    assert AddressKind().from_file(8000) == Address(port=8000)
