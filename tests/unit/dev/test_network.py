"""trivet.dev.network: addresses that people can type, and the code that phones can read."""

import sys

import pytest

from trivet.dev.network import qr_code, visited_urls


def test_every_address_of_the_machine_is_told_as_two_that_can_be_visited() -> None:
    assert visited_urls(("http://0.0.0.0:8000",), "http", "192.168.1.7") == (
        "http://127.0.0.1:8000",
        "http://192.168.1.7:8000",
    )


def test_without_a_network_there_is_this_machine() -> None:
    assert visited_urls(("http://[::]:8000", "http://0.0.0.0:8000"), "https", "") == (
        "https://127.0.0.1:8000",
    )


def test_other_addresses_stay_as_they_are() -> None:
    urls = ("http://[::1]:8000", "unix:/run/shop.sock")
    assert visited_urls(urls, "https", "10.0.0.1") == ("https://[::1]:8000", "unix:/run/shop.sock")


def modules(drawn: str, colour: bool) -> list[list[bool]]:
    """The dark modules of a drawn code."""
    rows = []
    for line in drawn.splitlines():
        blocks = line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m")
        rows.append([(block in "▀█") == colour for block in blocks])
        rows.append([(block in "▄█") == colour for block in blocks])
    return rows


@pytest.mark.parametrize("colour", [True, False])
def test_the_code_has_the_modules_of_the_library(colour: bool) -> None:
    segno = pytest.importorskip("segno")
    url = "http://192.168.1.7:8000"
    expected = [
        [bool(m) for m in row] for row in segno.make(url, micro=False).matrix_iter(border=2)
    ]
    assert modules(qr_code(url, colour), colour)[: len(expected)] == expected
    assert len(qr_code(url, colour=False).splitlines()[0]) < 40


def test_without_the_library_there_is_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    assert qr_code("http://192.168.1.7:8000", colour=True) == ""
