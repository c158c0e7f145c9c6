"""trivet.settings.peers: who may be trusted to speak for clients."""

import pytest

from trivet.settings.peers import PeerKind, PeerList


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("127.0.0.1", "127.0.0.1"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("::1", "::1"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("fe80::1/128", "fe80::1"),
        ("unix", "unix"),
        ("UNIX", "unix"),
    ],
)
def test_a_peer_is_read_into_its_shortest_form(text: str, peer: str) -> None:
    assert PeerKind().from_text(text) == peer
    assert PeerKind().accepts(peer)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("proxy.example", "expected an IP address, a network such as 10.0.0.0/8, or unix"),
        ("", "expected an IP address, a network such as 10.0.0.0/8, or unix"),
        ("10.0.0.1:80", "expected an IP address, a network such as 10.0.0.0/8, or unix"),
        ("unix:/run/shop.sock", "expected an IP address, a network such as 10.0.0.0/8, or unix"),
        ("10.0.0.0/33", "expected an IP address, a network such as 10.0.0.0/8, or unix"),
        ("10.0.0.1/8", "expected 10.0.0.0/8, or 10.0.0.1 for this address alone"),
        ("10.0.0.0/255.0.0.0", "expected the number of bits after /: 10.0.0.0/8"),
        (
            "fe80::1%eth0",
            "expected an IP address without the zone after %",
        ),
    ],
)
def test_what_is_no_peer_is_refused_with_what_to_write(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        PeerKind().from_text(text)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("text", ["*", "0.0.0.0/0", "::/0"])
def test_nobody_can_trust_everybody(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected the addresses of your proxies, such as"):
        PeerKind().from_text(text)


def test_several_peers_are_separated_by_commas_as_gunicorn_has_them() -> None:
    peers = ("127.0.0.1", "::1", "unix")
    assert PeerList().from_text("127.0.0.1,::1, unix") == peers
    assert PeerList().from_texts(["127.0.0.1,::1", "unix"]) == peers
