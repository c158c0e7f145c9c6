"""Who may be trusted to speak for clients, as a kind of setting: an address, a network or unix."""

from __future__ import annotations

from trivet.settings.kinds import Kind, ListOf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

UNIX = "unix"


class PeerKind(Kind):
    """One peer or network of peers. Read into its shortest form: 10.0.0.1/32 is 10.0.0.1."""

    type = str
    expected = "an IP address, a network such as 10.0.0.0/8, or unix"
    placeholder = "PEER"

    def from_text(self, text: str) -> str:
        # 4 ms of a start, so only when somebody is trusted.
        import ipaddress

        peer = text.strip()
        if peer.lower() == UNIX:
            return UNIX
        # gunicorn's and uvicorn's word for everybody.
        if peer == "*":
            raise ValueError(EVERYBODY)
        if "%" in peer:
            raise ValueError("expected an IP address without the zone after %")
        try:
            network = ipaddress.ip_network(peer, strict=False)
        except ValueError:
            raise self.wrong() from None
        address, slash, length = peer.partition("/")
        # "10.0.0.0/255.0.0.0" is a network for Python, and not for the engine.
        if slash and not length.isdigit():
            raise ValueError(f"expected the number of bits after /: {network}")
        if not network.prefixlen:
            raise ValueError(EVERYBODY)
        if ipaddress.ip_address(address) != network.network_address:
            raise ValueError(f"expected {network}, or {address} for this address alone")
        return str(network.network_address if network.num_addresses == 1 else network)

    def accepts(self, value: object) -> bool:
        try:
            return isinstance(value, str) and self.from_text(value) == value
        except ValueError:
            return False

    def schema(self) -> dict[str, object]:
        return {"type": "string", "minLength": 1}


class PeerList(ListOf):
    """Peers; one flag may give several, since gunicorn's --forwarded-allow-ips does."""

    def __init__(self) -> None:
        super().__init__(PeerKind())

    def from_texts(self, texts: Sequence[str]) -> tuple[Any, ...]:
        return super().from_texts(" ".join(texts).replace(",", " ").split())


EVERYBODY = (
    "expected the addresses of your proxies, such as 10.0.0.0/8: when everybody is trusted, each "
    "client chooses the address that the application sees"
)
