"""Which form of a report a client wants, by its Accept header (RFC 9110 section 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator

HTML, TEXT, MARKDOWN, JSON = "text/html", "text/plain", "text/markdown", "application/json"

#: What is given when a client takes several equally, best first. Text is first: `curl` takes
#: everything, and a browser's page says text/html by name.
_PREFERENCE = (TEXT, HTML, MARKDOWN, JSON)


def negotiate(accept: str, request_type: str = "", requested_with: str = "") -> str:
    """Return the media type of the answer; never refuses, an error in any form is worth more."""
    ranges = list(_ranges(accept))
    best, quality = "", 0.0
    for media in _PREFERENCE:
        offered = _quality(media, ranges)
        if offered > quality:
            best, quality = media, offered
    # fetch() and XMLHttpRequest take everything unless told: whoever sends JSON expects it back.
    takes_all = not ranges or all(name == "*/*" for name, _ in ranges)
    if takes_all and ("json" in request_type.lower() or requested_with.lower() == "xmlhttprequest"):
        return JSON
    return best or TEXT


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        if name:
            yield name, quality


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers a media type."""
    kind = media.partition("/")[0]
    by_name = dict(ranges)
    if media == JSON and media not in by_name:
        suffixed = [quality for name, quality in ranges if name.endswith("+json")]
        if suffixed:
            return max(suffixed)
    for name in (media, f"{kind}/*", "*/*"):
        if name in by_name:
            # Equal qualities: what is asked for by name goes before what a wildcard covers, and
            # what stands first before the rest (axios: "application/json, text/plain, */*").
            position = list(by_name).index(name)
            named = 0.0005 - 0.000001 * min(position, 400) if name == media else 0.0
            return by_name[name] and by_name[name] + named
    return 0.0
