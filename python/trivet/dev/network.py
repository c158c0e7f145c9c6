"""Where other machines find this one, and a QR code of it for phones; nothing is sent."""

from __future__ import annotations

import socket

#: TEST-NET-1 (RFC 5737). Connecting a UDP socket sends nothing, and chooses the own address.
SOMEWHERE_ELSE = ("192.0.2.1", 9)

#: Light modules around the code; ISO/IEC 18004 asks for four, phones are content with two.
QUIET_ZONE = 2

UPPER_HALF, LOWER_HALF, BOTH, NEITHER = "▀", "▄", "█", " "

#: Black on white, whatever the colours of the terminal are.
BLACK_ON_WHITE, OFF = "\x1b[30;107m", "\x1b[0m"


def own_address() -> str:
    """The address of this machine in its network; empty when it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE_ELSE)
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith(("127.", "0.")) else address


def visited_urls(urls: tuple[str, ...], scheme: str, own: str) -> tuple[str, ...]:
    """The addresses that can be typed into a browser: nobody visits 0.0.0.0.

    `own` is this machine's address in the network; that one comes last.
    """
    visited: dict[str, None] = {}
    for url in urls:
        rest = url.removeprefix("http://")
        if url.startswith("unix:"):
            visited[url] = None
            continue
        host, _, port = rest.rpartition(":")
        if host in ("0.0.0.0", "[::]"):
            visited[f"{scheme}://127.0.0.1:{port}"] = None
            if own:
                visited[f"{scheme}://{own}:{port}"] = None
        else:
            visited[f"{scheme}://{rest}"] = None
    return tuple(visited)


def qr_code(text: str, colour: bool) -> str:
    """A QR code in half-height blocks; empty without the library segno.

    Without colours the light modules are drawn, for most terminals are dark.
    """
    try:
        import segno
    except ImportError:
        return ""
    rows = [list(row) for row in segno.make(text, micro=False).matrix_iter(border=QUIET_ZONE)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        blocks = "".join(
            _block(bool(above) == colour, bool(below) == colour)
            for above, below in zip(upper, lower, strict=True)
        )
        lines.append(f"{BLACK_ON_WHITE}{blocks}{OFF}" if colour else blocks)
    return "\n".join(lines)


def _block(above: bool, below: bool) -> str:
    if above:
        return BOTH if below else UPPER_HALF
    return LOWER_HALF if below else NEITHER
